use super::*;

fn keys(n: usize) -> Vec<Key> {
    (0..n).map(|i| Key::new(&format!("task-{i}"))).collect()
}

fn nodes(n: u128, keys: &[Key]) -> Vec<Node> {
    let offers = Declaration {
        keys: keys.iter().map(|k| (k.clone(), Arc::from(""))).collect(),
        ..Declaration::default()
    };
    let offers = Arc::new(offers);
    (1..=n)
        .map(|i| Node {
            id: MemberId(i),
            name: format!("node-{i}").into(),
            weight: 1,
            fit: true,
            offers: offers.clone(),
        })
        .collect()
}

/// Places every free key, then moves until nothing moves any more; returns owners and moves.
fn settle(rule: &Placement, nodes: &[Node], keys: &[Key], owners: &mut BTreeMap<Key, MemberId>) -> usize {
    let none = BTreeMap::new();
    let mut board = Board::new(rule, nodes, &none);
    for (key, owner) in &*owners {
        board.put(key, *owner);
    }
    for key in keys {
        if owners.contains_key(key) {
            continue;
        }
        if let Some(first) = board.order(key).first().copied() {
            board.put(key, first);
            owners.insert(key.clone(), first);
        }
    }
    let moves = board.moves(owners, 10_000);
    for m in &moves {
        owners.insert(m.key.clone(), m.to);
    }
    moves.len()
}

fn loads(owners: &BTreeMap<Key, MemberId>) -> BTreeMap<MemberId, usize> {
    let mut loads = BTreeMap::new();
    for owner in owners.values() {
        *loads.entry(*owner).or_default() += 1;
    }
    loads
}

#[test]
fn a_thousand_tasks_are_balanced_over_three_nodes() {
    let keys = keys(1000);
    let mut owners = BTreeMap::new();
    settle(&Placement::default(), &nodes(3, &keys), &keys, &mut owners);
    assert!(loads(&owners).values().all(|n| (333..=334).contains(n)), "{:?}", loads(&owners));
}

#[test]
fn a_joining_node_takes_exactly_its_share() {
    let keys = keys(1000);
    let mut owners = BTreeMap::new();
    settle(&Placement::default(), &nodes(3, &keys), &keys, &mut owners);
    let before = owners.clone();
    let moves = settle(&Placement::default(), &nodes(4, &keys), &keys, &mut owners);
    assert_eq!(moves, 250);
    assert!(owners.iter().all(|(k, o)| before[k] == *o || *o == MemberId(4)));
}

#[test]
fn a_leaving_node_moves_only_what_it_had() {
    let keys = keys(300);
    let mut owners = BTreeMap::new();
    settle(&Placement::default(), &nodes(3, &keys), &keys, &mut owners);
    let before = owners.clone();
    owners.retain(|_, o| *o != MemberId(3));
    let moves = settle(&Placement::default(), &nodes(2, &keys), &keys, &mut owners);
    assert_eq!(moves, 0);
    assert!(owners.iter().all(|(k, o)| before[k] == *o || before[k] == MemberId(3)));
    assert_eq!(loads(&owners)[&MemberId(1)], 150);
}

#[test]
fn weights_divide_in_proportion() {
    let keys = keys(90);
    let mut nodes = nodes(2, &keys);
    nodes[1].weight = 2;
    let mut owners = BTreeMap::new();
    settle(&Placement::default(), &nodes, &keys, &mut owners);
    assert_eq!(loads(&owners)[&MemberId(2)], 60);
}

#[test]
fn slots_of_one_activation_spread() {
    let base = Key::new("mp");
    let mut keys: Vec<Key> = (0..3).map(|i| base.slot(i)).collect();
    keys.extend(super::tests::keys(4));
    let mut owners: BTreeMap<Key, MemberId> = keys.iter().map(|k| (k.clone(), MemberId(1))).collect();
    settle(&Placement::default(), &nodes(3, &keys), &keys, &mut owners);
    let on: BTreeSet<MemberId> = (0..3).map(|i| owners[&base.slot(i)]).collect();
    assert_eq!(on.len(), 3, "{owners:?}");
}

#[test]
fn only_a_node_that_has_the_artifact_gets_it() {
    let keys = keys(10);
    let mut nodes = nodes(2, &keys);
    nodes[0].offers = Arc::default();
    let mut owners = BTreeMap::new();
    settle(&Placement::default(), &nodes, &keys, &mut owners);
    assert!(owners.values().all(|o| *o == MemberId(2)) && owners.len() == 10);
}

#[test]
fn a_draining_or_silent_node_gets_nothing_new() {
    let keys = keys(4);
    let mut nodes = nodes(3, &keys);
    nodes[0].fit = false;
    nodes[1].offers = Arc::new(Declaration { draining: true, ..(*nodes[1].offers).clone() });
    let mut owners = BTreeMap::new();
    settle(&Placement::default(), &nodes, &keys, &mut owners);
    assert!(owners.values().all(|o| *o == MemberId(3)));
}

#[test]
fn active_passive_keeps_everything_on_one_node() {
    let keys = keys(20);
    let rule = Placement { spread: Spread::OneNode, ..Placement::default() };
    let mut owners = BTreeMap::from([(keys[7].clone(), MemberId(2))]);
    settle(&rule, &nodes(3, &keys), &keys, &mut owners);
    assert_eq!(loads(&owners), BTreeMap::from([(MemberId(2), 20)]));
}

#[test]
fn active_passive_gathers_what_is_scattered_and_stops() {
    let keys = keys(5);
    let rule = Placement { spread: Spread::OneNode, ..Placement::default() };
    let mut owners: BTreeMap<Key, MemberId> =
        keys.iter().zip([1, 2, 1, 3, 1]).map(|(k, o)| (k.clone(), MemberId(o))).collect();
    assert_eq!(settle(&rule, &nodes(3, &keys), &keys, &mut owners), 2);
    assert_eq!(settle(&rule, &nodes(3, &keys), &keys, &mut owners), 0);
    assert_eq!(loads(&owners), BTreeMap::from([(MemberId(1), 5)]));
}

#[test]
fn nothing_is_placed_below_the_quorum() {
    let keys = keys(2);
    let rule = Placement { quorum: 3, ..Placement::default() };
    let mut owners = BTreeMap::new();
    settle(&rule, &nodes(2, &keys), &keys, &mut owners);
    assert!(owners.is_empty());
    settle(&rule, &nodes(3, &keys), &keys, &mut owners);
    assert_eq!(owners.len(), 2);
}

#[test]
fn nothing_moves_below_the_quorum() {
    let keys = keys(4);
    let rule = Placement { quorum: 3, ..Placement::default() };
    let mut owners: BTreeMap<Key, MemberId> = keys.iter().map(|k| (k.clone(), MemberId(1))).collect();
    assert_eq!(settle(&rule, &nodes(2, &keys), &keys, &mut owners), 0);
    assert!(settle(&rule, &nodes(3, &keys), &keys, &mut owners) > 0);
}

#[test]
fn a_list_of_nodes_limits_placement() {
    let keys = keys(6);
    let rule = Placement { only: Some(BTreeSet::from([Arc::from("node-2")])), ..Placement::default() };
    let mut owners = BTreeMap::new();
    settle(&rule, &nodes(3, &keys), &keys, &mut owners);
    assert_eq!(loads(&owners), BTreeMap::from([(MemberId(2), 6)]));
}

#[test]
fn only_the_newest_definition_is_placed() {
    let keys = keys(4);
    let mut nodes = nodes(3, &keys);
    let newer = keys.iter().map(|k| (k.clone(), Arc::from("d2"))).collect();
    nodes[1].offers = Arc::new(Declaration { since: 5, keys: newer, ..Declaration::default() });
    let row = |n: &Node| MemberRow {
        id: n.id,
        node: n.name.clone(),
        seq: 0,
        lease: std::time::Duration::ZERO,
        weight: 1,
        declared: n.offers.clone(),
        proven_dead: false,
    };
    let rule = Placement::default();
    let members: Vec<_> = nodes.iter().map(row).collect();
    let differing = differing(&rule, &members);
    assert_eq!(differing.len(), 4);
    let board = Board::new(&rule, &nodes, &differing);
    assert!(keys.iter().all(|k| board.order(k) == [MemberId(2)]));
    let owners = keys.iter().map(|k| (k.clone(), MemberId(2))).collect();
    assert!(board.moves(&owners, 10).is_empty(), "nothing moves back to an older one");
}

#[test]
fn the_resolvers_of_mi_are_understood() {
    let of = |class: &str, name: &str, value: &str| {
        Placement::of_resolver(class, &BTreeMap::from([(name.to_owned(), value.to_owned())]))
    };
    let package = "org.wso2.micro.integrator.ntask.coordination.task.resolver.ActivePassiveResolver";
    assert_eq!(of(package, "", "").unwrap().spread, Spread::OneNode);
    assert_eq!(of("RoundRobinResolver", "task_server_count", "3").unwrap().quorum, 3);
    assert_eq!(of("TaskNodeResolver", "task_nodes", "a, b").unwrap().only.unwrap().len(), 2);
    assert!(of("TaskNodeResolver", "", "").is_err() && of("Mine", "", "").is_err());
}
