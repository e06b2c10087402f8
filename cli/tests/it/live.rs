//! Twelve real processes on machines of their own, behind shaped uplinks (`netsim-live`).

use netsim_live::meeting::{self, Broken};

use crate::program::{Home, alone};

#[test]
fn twelve_processes_behind_shaped_uplinks_meet_one_of_them_by_tcp_and_outlive_their_strongest_relay() {
    let _machine = alone();
    if let Some(why) = netsim_live::ground::impossible() {
        println!("skipped: {why}");
        return;
    }
    let home = Home::new();
    let scenario = meeting::scenario().expect("it is shipped");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_canopy"));
    let out = home.path("live");
    let held = meeting::hold(program, std::path::Path::new(&out), &scenario, Broken::Nothing);
    let held = runtime.block_on(held).unwrap_or_else(|why| panic!("{why:#}"));
    println!("{}", held.told);
    assert!(held.failures.is_empty(), "{}", held.failures.join("\n"));
}
