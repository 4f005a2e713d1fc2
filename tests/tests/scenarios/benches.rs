//! The measurements run to their end and say what they measured. What they say here, small
//! and not optimised, is worth nothing.

use std::process::Command;

use serde_json::Value;

/// The figures of a measurement.
fn figures(measurement: &str, options: &[&str]) -> Value {
    let folder = tempfile::tempdir().expect("folder");
    let json = folder.path().join("figures.json");
    let status = Command::new(env!("CARGO_BIN_EXE_relais-bench"))
        .args([measurement, "--json"])
        .arg(&json)
        .args(options)
        .status()
        .expect("started");
    assert!(status.success(), "{status}");
    let text = std::fs::read(&json).expect("figures");
    serde_json::from_slice(&text).expect("JSON")
}

fn positive(figures: &Value, names: &[&str]) {
    for name in names {
        let value = figures[name].as_f64();
        assert!(value.is_some_and(|value| value > 0.0), "{name}: {value:?}");
    }
}

#[test]
fn after_a_lost_phone_every_thread_is_whole_on_the_new_one() {
    let figures = figures("lost-phone", &["--threads", "4", "--events", "5"]);
    let names = [
        "all_threads_joined_s",
        "phone_up_mib",
        "phone_down_mib",
        "phone_peak_mib",
    ];
    positive(&figures, &names);
    assert!(figures["all_history_s"].as_f64() >= figures["all_threads_joined_s"].as_f64());
}

#[test]
fn a_return_is_measured_beside_the_bare_external_commit() {
    let figures = figures("rejoin", &["--members", "3", "--rounds", "2"]);
    positive(
        &figures,
        &[
            "bare_external_commit_ms",
            "engine_commit_ms",
            "engine_settle_ms",
        ],
    );
}
