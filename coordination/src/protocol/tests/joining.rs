//! Joining: alone, against another process with our node name, on a database that fails.

use super::*;

#[test]
fn an_identity_that_ended_before_the_join_was_answered_is_given_up() {
    let mut rig = Rig::new();
    rig.give(Input::Wake);
    let join = rig.next();
    rig.apply(&join);
    let first = rig.node.me();
    rig.lose(join);
    assert!(rig.table.end(first, End::Leave));
    rig.give(Input::Declare(offer()));
    rig.pass(2 * S);
    assert!(rig.node.is_member() && rig.node.me() != first);
}

#[test]
fn a_taken_node_name_is_waited_for() {
    let mut rig = Rig::new();
    let twin = rig.stranger(7, "a");
    rig.give(Input::Declare(offer()));
    for _ in 0..8 {
        rig.pass(S);
        assert!(rig.table.renew(twin, None));
    }
    assert!(!rig.node.is_member());
    let reports = rig.notes.iter().filter(|n| matches!(n, Note::NodeTaken { .. })).count();
    assert_eq!(reports, 2, "once when seen, once when it certainly lives");
    rig.pass(6 * S);
    assert!(rig.node.is_member(), "a dead holder is expired like any member");
}

#[test]
fn a_blocked_node_looks_often_but_not_all_the_time() {
    let mut rig = Rig::new();
    let twin = rig.stranger(7, "a");
    // Dead, and nobody is there to end it: it must not make the blocked node look without a pause.
    rig.stranger(8, "b");
    rig.give(Input::Declare(offer()));
    for _ in 0..8 {
        rig.pass(S);
        assert!(rig.table.renew(twin, None));
    }
    let looks = rig.looks;
    assert!((16..=80).contains(&looks), "{looks} looks in 8 s");
    assert!(rig.table.end(twin, End::Leave));
    rig.pass(400 * MS);
    assert!(rig.node.is_member(), "it sees at once that the name is free");
}

#[test]
fn a_name_that_is_refused_but_not_seen_is_tried_with_pauses() {
    let mut rig = Rig::new();
    rig.give(Input::Wake);
    let mut joins = 0;
    while rig.now < 12 * S {
        match rig.pending.pop_front() {
            Some(op @ Op::Join(_)) => {
                joins += 1;
                assert!(joins < 100, "no pause");
                rig.give(Input::Answer { op, sent: rig.now, result: Ok(Reply::Done(false)) });
            }
            Some(op) => rig.answer(op, rig.now),
            None => {
                rig.now += 10 * MS;
                rig.give(Input::Wake);
            }
        }
    }
    assert!(joins <= 21, "{joins} joins in 2 s");
}

#[test]
fn joining_a_failing_database_is_tried_less_and_less() {
    let mut rig = Rig::new();
    rig.give(Input::Wake);
    let mut joins = 0;
    for _ in 0..6000 {
        if let Some(op) = rig.pending.pop_front() {
            joins += 1;
            let result = Err(StoreError::Setup("password authentication failed".into()));
            rig.give(Input::Answer { op, sent: rig.now, result });
        }
        rig.now += 10 * MS;
        rig.give(Input::Wake);
    }
    assert!((10..=30).contains(&joins), "{joins} joins in a minute");
    let notes = rig.notes.iter().filter(|n| matches!(n, Note::DatabaseSilent { hopeless: true, .. })).count();
    assert_eq!(notes, 1);
    assert!(rig.node.trouble().is_some_and(|t| t.hopeless && t.reason.contains("password")));
    rig.give(Input::Declare(offer()));
    rig.pass(6 * S);
    assert!(rig.node.is_member() && rig.node.trouble().is_none());
}
