//! What the queries behind a list of threads cost, in steps of the database: they must not
//! grow with what a thread holds.

use relais_wire::ids::ChannelId;
use rusqlite::{Params, StatementStatus, params};

use super::cockpit::LAST_SAID;
use super::open_tasks::OPEN_TASKS;
use super::threads::{THREADS, UNREAD_MOST};
use super::to_do::{AWAITED, LAST, URGENT};
use crate::engine::Engine;
use crate::testing::{BEGUN, founder, put};

const THREADS_HELD: u8 = 40;
const OTHER: [u8; 16] = [7; 16];

/// Threads with so many events of somebody else each, of which all but `unread` were read,
/// with as many read markers behind them, and work that is done.
fn engine_with(events: u64, unread: u64) -> Engine {
    let engine = founder(relais_wire::mls::SUITE_XWING, BEGUN);
    let me = engine.identity().expect("identity").professional();
    engine.db.execute_batch("BEGIN").expect("begun");
    for number in 1..=THREADS_HELD {
        let channel = ChannelId([number; 16]);
        put(&engine, channel, "joined", 1, 2 * events);
        for seq in 1..=2 * events {
            let kind = if seq <= events { 4 } else { 10 };
            let sql = "INSERT INTO events (channel, seq, event_id, device, professional, counter,
                       time_ms, kind, signed) VALUES (?1, ?2, ?3, x'', ?4, ?2, 1, ?5, zeroblob(900))";
            let id = u128::from(seq).to_be_bytes();
            let row = params![channel.0, seq, id, OTHER, kind];
            engine.db.execute(sql, row).expect("an event");
        }
        let sql = "INSERT INTO reads (channel, professional, seq) VALUES (?1, ?2, ?3)";
        let read = params![channel.0, me.0, events - unread];
        engine.db.execute(sql, read).expect("read");
        for task in 1..=events {
            let sql =
                "INSERT INTO tasks (channel, task, seq, requester, created_ms, content, status,
                       actor, changed_ms, reason) VALUES (?1, ?2, ?3, ?4, 1, x'', 2, x'', 1, '')";
            let id = u128::from(task).to_be_bytes();
            let row = params![channel.0, id, task, OTHER];
            engine.db.execute(sql, row).expect("a task");
        }
    }
    engine.db.execute_batch("COMMIT").expect("committed");
    engine
}

fn steps(engine: &Engine, sql: &str, params: impl Params) -> i32 {
    let mut statement = engine.db.prepare(sql).expect("a statement");
    let mut rows = statement.query(params).expect("rows");
    while rows.next().expect("a row").is_some() {}
    drop(rows);
    statement.get_status(StatementStatus::VmStep)
}

#[test]
fn what_was_read_and_done_costs_nothing() {
    let (small, large) = (engine_with(20, 5), engine_with(400, 5));
    let cost = |engine: &Engine| {
        let me = engine.identity().expect("identity").professional();
        [
            steps(
                engine,
                THREADS,
                params![me.0, UNREAD_MOST, None::<[u8; 16]>],
            ),
            steps(engine, LAST, [[1u8; 16]]),
            steps(engine, LAST_SAID, [[1u8; 16]]),
            steps(engine, OPEN_TASKS, []),
            steps(engine, URGENT, []),
            steps(engine, AWAITED, [me.0]),
        ]
    };
    let (few, many) = (cost(&small), cost(&large));
    assert_eq!(few, many);
    assert!(few[0] < i32::from(THREADS_HELD) * 250, "{few:?}");
    assert!(few[1..].iter().all(|steps| *steps < 100), "{few:?}");
}

#[test]
fn what_is_unread_is_counted_so_far_and_no_further_and_from_an_index_alone() {
    let engine = engine_with(1_200, 1_100);
    let threads = engine.threads().expect("threads");
    assert!(threads.iter().all(|thread| thread.unread == UNREAD_MOST));
    let me = engine.identity().expect("identity").professional();
    let plan = format!("EXPLAIN QUERY PLAN {THREADS}");
    let mut plan = engine.db.prepare(&plan).expect("a plan");
    let rows = plan.query_map(params![me.0, UNREAD_MOST, None::<[u8; 16]>], |row| {
        row.get::<_, String>(3)
    });
    let rows: Vec<String> = rows.expect("rows").map(|row| row.expect("a row")).collect();
    let of_events = rows.iter().filter(|row| row.contains("events"));
    let covered = of_events
        .clone()
        .filter(|row| row.contains("USING COVERING INDEX events_told"));
    assert_eq!((covered.count(), of_events.count()), (2, 2), "{rows:?}");
}
