//! What the artifacts say.

use super::*;
use std::collections::HashMap;

/// The processor in a deployment that has a store in memory, and nothing else.
fn compiled(class: &str, parameters: &[(&str, &str)]) -> Result<Arc<Processor>, String> {
    let program = program(&["<messageStore name='S'><description/></messageStore>".to_owned()]);
    let found = artifacts(&[processor(class, parameters)]);
    let Some(Artifact::MessageProcessor(artifact)) = found.first() else { panic!("no processor: {found:?}") };
    Processor::of(artifact, &program.stores)
}

fn delivery(processor: &Processor) -> &Delivery {
    match &processor.work {
        Work::Forward(delivery, _) | Work::Relocate(delivery, _) => delivery,
        Work::Sample(_) => panic!("a sampling processor delivers nothing"),
    }
}

#[test]
fn defaults_of_forwarding() {
    let processor = compiled(FORWARDING, &[]).unwrap();
    assert_eq!((processor.slots, processor.active), (1, true));
    assert_eq!((processor.quota, processor.pause), (Quota::Count(1), Duration::from_secs(1)));
    let delivery = delivery(&processor);
    assert_eq!((delivery.attempts, delivery.retry), (Some(4), Duration::from_secs(1)));
    assert!(!delivery.drop && delivery.fail_store.is_none());
    assert_eq!(processor.connection.attempts, None);
}

#[test]
fn parameters_of_forwarding() {
    let parameters = [
        ("interval", "200"),
        ("member.count", "3"),
        ("is.active", "false"),
        ("max.delivery.attempts", "0"),
        ("client.retry.interval", "5"),
        ("max.delivery.drop", "Enabled"),
        ("max.store.connection.attempts", "7"),
    ];
    let processor = compiled(FORWARDING, &parameters).unwrap();
    assert_eq!((processor.slots, processor.active), (3, false));
    assert_eq!((processor.quota, processor.pause), (Quota::For(pace::SHORTEST), Duration::from_millis(200)));
    assert_eq!(delivery(&processor).attempts, None);
    assert_eq!(delivery(&processor).retry, Duration::from_millis(5));
    assert!(delivery(&processor).drop);
    assert_eq!(processor.connection.attempts, Some(7));
    let small = compiled(FORWARDING, &[("max.delivery.drop", "enabled")]).unwrap();
    assert!(!delivery(&small).drop, "MI wants the capital letter");
}

#[test]
fn cron_drains_and_sampling_counts() {
    let cron = ("cronExpression", "0/5 * * * * ?");
    assert_eq!(compiled(FORWARDING, &[cron]).unwrap().quota, Quota::All);
    let sampling = compiled(SAMPLING, &[cron, ("sequence", "s"), ("concurrency", "3")]).unwrap();
    assert_eq!(sampling.quota, Quota::Count(3));
}

#[test]
fn failover_tries_for_ever() {
    let processor = compiled(FAILOVER, &[("message.target.store.name", "T")]).unwrap();
    assert_eq!(delivery(&processor).attempts, None);
}

#[test]
fn what_cannot_run_says_why() {
    let why = |class: &str, parameters: &[(&str, &str)]| compiled(class, parameters).unwrap_err();
    assert!(why(FORWARDING, &[("cronExpression", "often")]).starts_with("the cron expression 'often'"));
    assert!(why(FAILOVER, &[]).contains("message.target.store.name"));
    assert!(why(SAMPLING, &[]).contains("'sequence'"));
    assert_eq!(why("a.B", &[]), "the class a.B is not native");
    let found = artifacts(&[processor(FORWARDING, &[])]);
    let Some(Artifact::MessageProcessor(artifact)) = found.first() else { panic!("{found:?}") };
    let stores =
        program(&["<messageStore name='S' class='a.B'><description/></messageStore>".to_owned()]).stores;
    let why = Processor::of(artifact, &stores).unwrap_err();
    assert_eq!(why, "the message store 'S' is of class a.B, which is not available yet");
    assert_eq!(
        Processor::of(artifact, &HashMap::new()).unwrap_err(),
        "the message store 'S' is not deployed"
    );
}
