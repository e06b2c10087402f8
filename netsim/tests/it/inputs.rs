//! What a scenario file becomes before time starts.

use std::path::{Path, PathBuf};
use std::time::Duration;

use netsim::cast::{Cast, Nat};
use netsim::fault::{Fault, timeline};
use netsim::scenario::{Scenario, ScenarioError};
use netsim::turns::{speakers, turns};
use overlay_core::io::Kind;
use overlay_core::time::Time;
use proptest::prelude::*;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");

fn shipped(name: &str) -> Scenario {
    Scenario::read(Path::new(FOLDER).join(format!("{name}.toml"))).unwrap_or_else(|error| panic!("{error}"))
}

fn all_shipped() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "toml"));
    files.sort();
    assert_eq!(files.len(), 14, "S1 to S11, the town hall and two with keys");
    files
}

/// A small meeting with something more in it, before its list of sources.
fn small(more: &str) -> String {
    let sources = "[[sources]]\ncount = 2\nlayers = [\"audio\", \"p180\"]\n";
    format!("title = \"t\"\nlength = \"60s\"\n[people]\ncount = 20\n[[relays]]\ncount = 4\n{sources}{more}")
}

fn parsed(more: &str) -> Scenario {
    Scenario::parse(&small(more), "small.toml").unwrap_or_else(|error| panic!("{error}"))
}

fn cast(scenario: &Scenario, seed: u64) -> Cast {
    Cast::draw(scenario, seed).unwrap_or_else(|error| panic!("{error}"))
}

/// A scenario in a folder with a table.
fn with_table(name: &str, table: &str, more: &str) -> (tempfile::TempDir, Scenario) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(name), table).unwrap();
    let scenario = Scenario::parse(&small(more), folder.path().join("small.toml")).unwrap();
    (folder, scenario)
}

#[test]
fn one_seed_draws_one_cast_and_another_seed_another() {
    let scenario = shipped("s6-churn");
    assert_eq!(cast(&scenario, 1), cast(&scenario, 1));
    assert_ne!(cast(&scenario, 1), cast(&scenario, 2));
    let faults = |seed| timeline(&scenario, &cast(&scenario, seed), seed);
    assert_eq!(faults(1), faults(1));
    assert_ne!(faults(1), faults(2));
}

#[test]
fn a_change_to_one_subsystem_leaves_the_others_as_they_were() {
    let home = parsed("");
    let world = Scenario {
        people: netsim::scenario::People { uplinks: netsim::scenario::Mix::Mlab, ..home.people.clone() },
        ..home.clone()
    };
    let (home, world) = (cast(&home, 5), cast(&world, 5));
    for (a, b) in home.people.iter().zip(&world.people) {
        assert_eq!((a.site, a.last_mile, a.nat, a.arrives), (b.site, b.last_mile, b.nat, b.arrives));
    }
    assert!(home.people.iter().zip(&world.people).any(|(a, b)| a.uplink_kbps != b.uplink_kbps));
}

#[test]
fn every_shipped_scenario_can_be_drawn_whole_and_short_and_states_its_capacity() {
    for file in all_shipped() {
        let scenario = Scenario::read(&file).unwrap_or_else(|error| panic!("{error}"));
        assert!(scenario.short.is_some(), "{}", file.display());
        let ratio = cast(&scenario, 1).capacity_ratio();
        let text = std::fs::read_to_string(&file).unwrap();
        let stated = text.lines().find_map(|line| line.strip_prefix("# Capacity ratio: "));
        assert_eq!(stated, Some(format!("{ratio:.1}").as_str()), "{}", file.display());
        let short = scenario.clone().shortened();
        assert_eq!(short.length, scenario.short.as_ref().unwrap().length);
        let again = Scenario::parse(&short.to_toml(), &file).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(again, short);
        let people = cast(&short, 1);
        assert_eq!(people.people.len() as u32, short.people.count + short.relay_count());
        let faults = timeline(&short, &people, 1);
        assert!(faults.iter().all(|(at, _)| *at <= Time::ZERO + short.length), "{}", file.display());
        let voices = speakers(&short, &people);
        assert!(!turns(&short, voices.len() as u32, 1).unwrap().is_empty());
    }
}

#[test]
fn an_error_names_key_file_and_line_and_says_what_would_be_right() {
    let cases = [
        ("length = \"60s\"", "length = \"5h\"", 2, "length", "1s to 4h"),
        ("length = \"60s\"", "length = \"soon\"", 2, "length", "expected a duration"),
        ("length = \"60s\"", "length = 60", 2, "length", "expected a duration"),
        ("length = \"60s\"", "length = \"60s\"\nsettle = \"61s\"", 3, "settle", "the end comes at 1m"),
        ("count = 20", "count = 0", 4, "people.count", "1 to 20000"),
        ("count = 20", "count = 1", 4, "people.count", "need 2 or more"),
        ("count = 20", "count = \"many\"", 4, "people.count", "expected u32"),
        ("count = 20", "crowd = 20", 4, "people.crowd", "expected one of"),
        ("count = 20\n", "count = 20\nuplinks = \"office\"\n", 5, "people.uplinks", "`home`"),
        ("count = 20\n", "count = 20\nlend_percent = 101\n", 5, "people.lend_percent", "1 to 100"),
        ("count = 20\n", "count = 20\nnat = { open_percent = 99 }\n", 5, "people.nat", "make it 100"),
        ("count = 4", "count = 5001", 6, "relays[0].count", "0 to 5000"),
        ("\"audio\", \"p180\"", "\"p180\", \"audio\"", 9, "sources[0].layers", "in the order"),
        ("\"audio\", \"p180\"", "\"audio\", \"p1080\"", 9, "sources[0].layers[1]", "`p720`"),
        ("count = 2\n", "count = 1001\n", 8, "sources[0].count", "1 to 1000"),
        ("title = \"t\"\n", "", 1, "title", "missing field"),
        ("count = 20\n", "", 3, "people.count", "missing field"),
        ("count = 2\n", "", 7, "sources[0].count", "missing field"),
        ("title = \"t\"", "title = ", 1, "syntax", ""),
    ];
    for (from, to, line, key, why) in cases {
        assert_wrong(&small("").replace(from, to), line, key, why);
    }
}

#[test]
fn a_fault_that_cannot_be_says_which_key_of_which_row() {
    let cases = [
        ("what = \"crash\"", "faults[1].at", "permille_a_minute"),
        ("what = \"crash\"\nat = \"61s\"", "faults[1].at", "1m"),
        ("what = \"crash\"\nat = \"1s\"\nuntil = \"2s\"", "faults[1].until", "leave it out"),
        ("what = \"freeze\"\nat = \"1s\"", "faults[1].lasts", "how long"),
        ("what = \"drop\"\nat = \"1s\"", "faults[1].percent", "still forwards"),
        ("what = \"crash\"\nat = \"1s\"\npercent = 1", "faults[1].percent", "leave it out"),
        ("what = \"crash\"\nat = \"1s\"\nnear = \"Atlantis\"", "faults[1].near", "Frankfurt"),
        ("what = \"crash\"\nat = \"1s\"\nwithin_km = 5", "faults[1].near", "missing"),
        ("what = \"crash\"\nat = \"1s\"\nwho = \"coordinator-split\"", "faults[1].who", "partition"),
        ("what = \"crash\"\nat = \"1s\"\ncount = 1\nshare_percent = 2", "faults[1].count", "one of them"),
        ("what = \"lossy\"\nat = \"1s\"\nper_million = 500001", "faults[1].per_million", "500000"),
        ("what = \"partition\"\npermille_a_minute = 1", "faults[1].permille_a_minute", "give at"),
    ];
    for (row, key, why) in cases {
        let text = small(&format!("[[faults]]\nwhat = \"crash\"\nat = \"1s\"\n[[faults]]\n{row}\n"));
        let lines: Vec<&str> = text.lines().collect();
        let name = key.rsplit('.').next().unwrap();
        let stands = lines.iter().rposition(|line| line.starts_with(&format!("{name} =")));
        let second = lines.iter().rposition(|line| *line == "[[faults]]").unwrap();
        let line = stands.filter(|at| *at > second).unwrap_or(second) + 1;
        assert_wrong(&text, line, key, why);
    }
}

fn assert_wrong(text: &str, line: usize, key: &str, why: &str) {
    let error = Scenario::parse(text, "a/b.toml").expect_err(text);
    let shown = error.to_string();
    let start = format!("a/b.toml:{line}: {key}: ");
    assert!(shown.starts_with(&start) && shown.contains(why), "{shown}\nand not {start}… {why}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let shown = Scenario::read("nowhere/x.toml").unwrap_err().to_string();
    assert!(shown.starts_with("nowhere/x.toml: cannot be read"), "{shown}");
}

#[test]
fn a_matrix_with_holes_is_filled_by_the_best_way_over_a_third_site() {
    let table = "A,B,C,D\n0,10,-1,90\n10,0,20,30\n-1,20,0,40\n90,30,40,0\n";
    let (_folder, scenario) =
        with_table("rtt.csv", table, "[geography]\nmatrix = \"rtt.csv\"\nlast_mile_percent = 0\n");
    let cast = cast(&scenario, 1);
    let (mut a, mut c) = (cast.people[0].clone(), cast.people[1].clone());
    (a.site, c.site) = (0, 2);
    assert_eq!(cast.paths.one_way(&a, &c), Duration::from_millis(15));
    assert_eq!(cast.paths.one_way(&c, &a), Duration::from_millis(15));
    let sites: std::collections::BTreeSet<u32> = cast.people.iter().map(|person| person.site).collect();
    assert_eq!(sites.len(), 4, "drawn evenly");
}

#[test]
fn a_table_that_cannot_be_used_is_named_with_its_line() {
    let matrix = "[geography]\nmatrix = \"t.csv\"\n";
    let mix = "[people]\ncount = 20\nuplinks_csv = \"t.csv\"\n";
    let trace = "[speech]\ntrace = \"t.csv\"\n";
    let cases = [
        (matrix, "A,B,C\n0,1,-1\n1,0,-1\n-1,-1,0\n", 2, "A to C is missing"),
        (matrix, "A,B\n0,1\n1,x\n", 3, "B: \"x\" is no number"),
        (matrix, "A,B\n0,1\n1,0,2\n", 3, "has 3 values"),
        (matrix, "A,B\n0,1\n", 2, "give a square"),
        (matrix, "A,B\n0,1\n1,-2\n", 3, "-1 for missing"),
        (mix, "percentile,up_mbps,down_mbps\n50,1,1\n0,1,1\n", 3, "none below the one before"),
        (mix, "percentile,up_mbps,down_mbps\n0,1,1\n100,much,1\n", 3, "no number"),
        (mix, "percentile,up,down\n0,1,1\n", 1, "percentile,up_mbps,down_mbps"),
        (trace, "meeting,speaker,start_s,dur_s\nm,a,0,1\nm,b,1,1\nm,c,2,1\n", 4, "2 send sound"),
        (trace, "meeting,speaker,start_s,dur_s\nm,a,0,long\n", 2, "no number"),
    ];
    for (more, table, line, why) in cases {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("t.csv"), table).unwrap();
        let text = if more == mix { small("").replace("[people]\ncount = 20\n", mix) } else { small(more) };
        let scenario = Scenario::parse(&text, folder.path().join("s.toml")).unwrap();
        let error = Cast::draw(&scenario, 1).map(|_| ()).and_then(|()| turns(&scenario, 2, 1).map(|_| ()));
        let shown = error.expect_err(table).to_string();
        assert!(
            shown.contains(&format!("t.csv:{line}: ")) && shown.contains(why),
            "{shown}\nand not {line} {why}"
        );
    }
}

#[test]
fn a_trace_is_played_as_it_stands_up_to_the_end() {
    let table = "meeting,speaker,start_s,dur_s\nx,z,0,1\nm,b,1.5,2\nm,a,0.5,0.25\nm,b,59.5,9\nm,a,60,1\n";
    let (_folder, scenario) = with_table("t.csv", table, "[speech]\ntrace = \"t.csv\"\nmeeting = \"m\"\n");
    let turns = turns(&scenario, 2, 1).unwrap();
    let told: Vec<(u32, u64, u128)> =
        turns.iter().map(|turn| (turn.speaker, turn.start.0 / 1_000_000, turn.span.as_millis())).collect();
    assert_eq!(told, [(1, 500, 250), (0, 1_500, 2_000), (0, 59_500, 500)]);
}

#[test]
fn mixes_have_the_shares_that_they_state() {
    let of = |uplinks: &str| {
        let text = small("").replace("count = 20\n", &format!("count = 20000\nuplinks = \"{uplinks}\"\n"));
        let mut kbps: Vec<u32> = cast(&Scenario::parse(&text, "x").unwrap(), 1)
            .people
            .iter()
            .map(|person| person.uplink_kbps)
            .collect();
        kbps.truncate(20_000);
        kbps.sort_unstable();
        kbps
    };
    let home = of("home");
    let share = |low: u32, high: u32| home.iter().filter(|kbps| (low..=high).contains(kbps)).count() / 200;
    assert_eq!(share(1_000, 3_000).abs_diff(30) + share(5_000, 10_000).abs_diff(40), 0);
    assert!(share(20_000, 40_000).abs_diff(25) <= 1 && share(100_000, 300_000).abs_diff(5) <= 1);
    let world = of("mlab");
    assert!(world[10_000].abs_diff(19_914) < 1_000, "{}", world[10_000]);
    let own = of("relay-only");
    assert_eq!((own[0], own[19_999]), (300, 182 * 150 / 100 + 300));
}

#[test]
fn people_come_in_a_burst_and_in_crowds_and_some_leave() {
    let text = small("[[crowds]]\nat = \"30s\"\npeople = 500\nwithin = \"10s\"\n").replace(
        "count = 20\n",
        "count = 3000\narrive = \"burst\"\nwithin = \"10s\"\nleave_percent = 50\nstay = \"20s\"\n",
    );
    let cast = cast(&Scenario::parse(&text, "x").unwrap(), 3);
    let seconds =
        |from: usize, to: usize| cast.people[from..to].iter().map(|person| person.arrives.0 / 1_000_000_000);
    let soon = seconds(0, 2_500).filter(|second| *second < 10).count();
    assert!((1_950..=2_100).contains(&soon), "{soon} of 2,500 within 10 s");
    assert!(seconds(2_500, 3_000).all(|second| (30..40).contains(&second)));
    assert_eq!(cast.people[0].arrives, Time::ZERO);
    let gone = cast.people.iter().filter(|person| person.leaves.is_some()).count();
    assert!((900..=1_500).contains(&gone), "{gone}");
    assert!(cast.people.iter().take(2).all(|person| person.leaves.is_none() && !person.sends.is_empty()));
}

#[test]
fn who_cannot_punch_is_as_many_as_the_scenario_says() {
    let people = cast(&shipped("s9-nat-mix"), 1).people;
    let nats: Vec<Nat> =
        people.iter().filter(|person| person.kind == Kind::Participant).map(|person| person.nat).collect();
    let pairs = nats.iter().flat_map(|a| nats.iter().map(move |b| a.reaches(*b)));
    let cut_off = pairs.filter(|reaches| !reaches).count() * 100 / (nats.len() * nats.len());
    assert!((26..=36).contains(&cut_off), "{cut_off} % of pairs");
}

#[test]
fn correlated_faults_hit_a_share_or_a_region_at_once() {
    let scenario = parsed("[[faults]]\nwhat = \"crash\"\nat = \"5s\"\nshare_percent = 50\nlasts = \"3s\"\n");
    let faults = timeline(&scenario, &cast(&scenario, 1), 1);
    let dead: Vec<u32> = faults
        .iter()
        .filter_map(|(at, fault)| match fault {
            Fault::Crash(who) if at.0 == 5_000_000_000 => Some(*who),
            _ => None,
        })
        .collect();
    assert_eq!(dead.len(), 2);
    assert!(dead.iter().all(|who| *who >= 20), "relays come after people: {dead:?}");
    let back =
        faults.iter().filter(|(at, fault)| at.0 == 8_000_000_000 && matches!(fault, Fault::Restart(_)));
    assert_eq!(back.count(), 2);

    let scenario = shipped("s4-1000-people");
    let region = "[[faults]]\nwhat = \"crash\"\nwho = \"everybody\"\nat = \"5s\"\nnear = \"Frankfurt\"\nwithin_km = 700\n";
    let scenario = Scenario::parse(&format!("{}\n{region}", scenario.to_toml()), "x").unwrap();
    let cast = cast(&scenario, 1);
    let mut hit: Vec<&str> = timeline(&scenario, &cast, 1)
        .iter()
        .filter_map(|(_, fault)| match fault {
            Fault::Crash(who) => Some(*who),
            _ => None,
        })
        .map(|who| cast.paths.names[cast.people[who as usize].site as usize].name.as_str())
        .collect();
    hit.sort_unstable();
    hit.dedup();
    assert!(hit.contains(&"Frankfurt") && hit.contains(&"Paris"), "{hit:?}");
    assert!(!hit.contains(&"Madrid") && !hit.contains(&"Tokyo"), "{hit:?}");
}

#[test]
fn random_faults_come_at_their_rate_and_the_coordinator_is_spared_unless_named() {
    let scenario = shipped("s6-churn");
    let faults = timeline(&scenario, &cast(&scenario, 1), 1);
    let crashes = faults.iter().filter(|(_, fault)| matches!(fault, Fault::Crash(_))).count();
    // 209 nodes, 5 % a minute, ten minutes, less those who come late or leave.
    assert!((75..=115).contains(&crashes), "{crashes}");
    let brief = "count = 20\nleave_percent = 100\nstay = \"10s\"\n";
    let often = "[[faults]]\nwhat = \"crash\"\nwho = \"people\"\npermille_a_minute = 10000\nlasts = \"1s\"\n";
    let scenario = Scenario::parse(&small(often).replace("count = 20\n", brief), "x").unwrap();
    let people = cast(&scenario, 1).people;
    let faults = timeline(&scenario, &cast(&scenario, 1), 1);
    assert!(faults.len() > 20, "{}", faults.len());
    for (at, fault) in &faults {
        let Fault::Crash(who) = fault else { continue };
        let person = &people[*who as usize];
        assert!(person.arrives <= *at && person.leaves.is_none_or(|leaves| *at < leaves), "{who} at {at:?}");
    }

    let scenario = parsed("[[faults]]\nwhat = \"crash\"\nwho = \"everybody\"\nat = \"5s\"\n");
    let faults = timeline(&scenario, &cast(&scenario, 1), 1);
    let everybody: Vec<Fault> = (1..24).map(Fault::Crash).collect();
    assert_eq!(faults.into_iter().map(|(_, fault)| fault).collect::<Vec<_>>(), everybody);

    let row = "[[faults]]\nwhat = \"partition\"\nwho = \"coordinator-split\"\nat = \"5s\"\nlasts = \"9s\"\n";
    let scenario = parsed(row);
    let faults = timeline(&scenario, &cast(&scenario, 1), 1);
    let [(_, Fault::Partition(half)), (healed, Fault::Heal)] = faults.as_slice() else {
        panic!("{faults:?}")
    };
    assert_eq!((half.len(), half[0], healed.0), (13, 0, 14_000_000_000));
    assert!(half[1] > 0, "{half:?}");
}

proptest! {
    #[test]
    fn a_scaled_scenario_is_sound_and_reads_back_as_it_was_written(
        which in 0_usize..13, people in 1_u32..=20_000, seconds in 1_u64..=14_400,
    ) {
        let file = &all_shipped()[which];
        let scenario = Scenario::read(file).unwrap().with_people(people).with_length(Duration::from_secs(seconds));
        let text = scenario.to_toml();
        let again = Scenario::parse(&text, file);
        prop_assert!(again.is_ok(), "{}\n{text}", again.unwrap_err());
        prop_assert_eq!(again.unwrap(), scenario);
    }
}

#[test]
fn errors_are_of_the_kind_that_a_caller_can_tell() {
    let error = Scenario::parse("", "x").unwrap_err();
    assert!(matches!(error, ScenarioError::Key { line: 1, .. }));
}
