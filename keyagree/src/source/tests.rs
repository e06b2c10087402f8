//! What a source that signs properly could still say wrongly.

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::*;
use crate::suite::{Secret, seal};
use crate::wire::Stream;

#[test]
fn an_announcement_counts_only_if_its_labels_and_commitments_follow_from_its_secret() {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let keys = KeyPair::generate(&mut rng);
    let (meeting, source) = (MeetingId([1; 16]), PeerKey([2; 32]));
    let epoch = EpochId { term: 1, coordinator: source, epoch: 0 };
    let secret = Secret::generate(&mut rng);
    let streams = |layers: &[u8]| -> Vec<Stream> {
        let drawn = SourceKeys::new(&secret, layers);
        let stream = |chain: &crate::stream::Chain| {
            let at = chain.draw(&meeting);
            Stream { layer: chain.layer, label: at.label, commitment: at.commitment }
        };
        drawn.chains.iter().map(stream).collect()
    };
    let info = announcement_info(&meeting, &source, &[3; 32], 7);
    let sealed = seal(&mut rng, &keys.public(), &info, secret.expose()).unwrap();
    let good = Announcement {
        meeting,
        source,
        epoch,
        record: [3; 32],
        serial: 7,
        streams: streams(&[0, 1]),
        enc: sealed.enc,
        sealed: sealed.sealed,
    };
    assert!(read(&keys, &good).is_some());
    let mut wrong = vec![good; 5];
    wrong[0].streams[1].label ^= 1;
    wrong[1].streams[1].commitment[0] ^= 1;
    wrong[2].streams = streams(&[0, 0]);
    wrong[3].serial = 8;
    wrong[4].record = [4; 32];
    for (n, wrong) in wrong.iter().enumerate() {
        assert!(read(&keys, wrong).is_none(), "{n}");
    }
}
