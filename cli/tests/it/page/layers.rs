//! What comes is as large as it is shown.

use super::{Held, id_of};
use crate::browser::{self, Browser, story};

#[test]
fn a_large_tile_gets_the_large_picture_a_small_one_the_small_and_a_hidden_one_sound_alone() {
    story(async {
        let meeting = Held::sending("360p");
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let browser = Browser::start(&browser::bars(folder.path()), (1280, 800)).await;
        browser.client.goto(&meeting.addresses[0]).await.expect("the page loads");
        browser.join().await;
        let olga = id_of("Olga");
        let shows = |layer: u8| {
            format!(
                "const one = (await canopy.stats()).sources[{olga}]; return one?.layer === {layer} && one.agoMs < 500 && one.drawn"
            )
        };
        browser.until("the large tile shows 360p", &shows(2)).await;

        // One's own tile is large now, and Olga's a thumbnail beside it.
        browser.run("document.querySelector('.tile.own .pin').click()").await;
        let drawn = browser.until("the thumbnail shows 180p", &shows(1)).await;
        browser.picture("thumbnail").await;
        let more = format!(
            "const one = (await canopy.stats()).sources[{olga}]; return one.layer === 1 && one.drawn > {drawn} + 60"
        );
        browser.until("it stays so", &more).await;

        browser.run("document.querySelector('.tile:not(.own)').style.display = 'none'").await;
        let stands = format!("return (await canopy.stats()).sources[{olga}].agoMs > 2000");
        browser.until("no picture comes for a tile that nobody sees", &stands).await;
        let sounds = browser.run(&format!("return (await canopy.stats()).sources[{olga}].sounds")).await;
        let more = format!("return (await canopy.stats()).sources[{olga}].sounds > {sounds} + 100");
        browser.until("its sound goes on", &more).await;

        browser.run("document.querySelector('.tile:not(.own)').style.display = ''; document.querySelector('.tile.own .pin').click()").await;
        browser.until("the large picture is back", &shows(2)).await;
        browser.end().await;
    });
}
