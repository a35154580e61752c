use super::*;

const SHOP: &str = r#"{"shop":{"name":"N","rating":4.50,"tags":["a","b","c"],"none":[],"m":[[1,2],[3,4.0]],
  "books":[{"id":1,"t":"One","p":8.95,"tags":["x"]},{"id":2,"t":"Two","p":12,"tags":[],"used":true},
  {"id":3,"t":"Three","p":8.950,"tags":["y"],"note":null}]},"n":{"exp":1.5E3,"list":[3,1,2]}}"#;

fn read(path: &str) -> Result<String, PathError> {
    let root = Json::parse(SHOP).unwrap();
    JsonPath::compile(path).unwrap().read(&root).map(|json| json.to_string())
}

#[track_caller]
fn reads(path: &str, text: &str) {
    assert_eq!(read(path).as_deref(), Ok(text), "{path}");
}

#[test]
fn members_elements_and_numbers() {
    reads("$.shop.name", "\"N\"");
    reads("shop.tags[-1]", "\"c\"");
    reads("$.shop.rating", "4.5");
    reads("$.shop.m[1][1]", "4.0");
    reads("$.n.exp", "1500");
    reads("$.shop.m[*][0]", "[1,3]");
    reads("$.shop['name','rating']", "{\"name\":\"N\",\"rating\":4.5}");
    reads("$.shop.tags[0,9]", "[\"a\"]");
    reads("$.shop.tags[-2:]", "[\"b\",\"c\"]");
    reads("$.shop.tags[:-2]", "[\"a\"]");
    reads("$.shop.tags[2:1]", "[]");
}

#[test]
fn missing_leaves_are_errors_only_in_definite_paths() {
    for path in ["$.x", "$.x.y", "$.shop.tags[9]", "$.shop.name.x", "$.shop.tags.x", "$.shop[0]"] {
        assert!(matches!(read(path), Err(PathError::NotFound(_))), "{path}");
    }
    reads("$.shop.books[*].x", "[]");
    reads("$..x", "[]");
}

#[test]
fn scans() {
    reads("$..p", "[8.95,12,8.95]");
    reads("$..tags[0]", "[\"a\",\"x\",\"y\"]");
    reads("$..books[0].t", "[\"One\"]");
    reads("$..*[?(@.id == 1)].t", "[\"One\",\"One\"]");
    reads("$.shop.m..*", "[[1,2],[3,4.0],1,2,3,4.0]");
}

#[test]
fn filters() {
    for (filter, ids) in [
        ("@.p < 9", "[1,3]"),
        ("@.p == 8.95", "[1,3]"),
        ("@.used", "[2]"),
        ("!@.used", "[1,3]"),
        ("@.note == null", "[3]"),
        ("@.id == '2'", "[2]"),
        ("@.t =~ /t.*/i", "[2,3]"),
        ("@.t in ['One']", "[1]"),
        ("@.t nin ['One','Two']", "[3]"),
        ("@.tags empty true", "[2]"),
        ("@.tags size 1", "[1,3]"),
        ("@.tags contains 'x'", "[1]"),
        ("@.tags anyof ['x','q']", "[1]"),
        ("@.tags subsetof ['x','y']", "[1,2,3]"),
        ("@.p > $.n.list[0] && @.id != 2", "[1,3]"),
        ("@.x != 1", "[1,2,3]"),
        ("@.x == 1", "[]"),
        ("@.t > 'Three'", "[2]"),
    ] {
        reads(&format!("$.shop.books[?({filter})].id"), ids);
    }
    reads("$.n.list[?(@ > 1)]", "[3,2]");
    reads("$.shop[?(@.id)]", "[]");
    assert!(matches!(read("$.shop.name[?(@.id)]"), Err(PathError::Invalid(_))));
}

#[test]
fn functions() {
    reads("$.shop.tags.length()", "3");
    reads("$.shop.length()", "6");
    reads("$.shop.name.length()", "null");
    reads("$.n.list.sum()", "6.0");
    reads("$.n.list.stddev()", "0.8164965809277263");
    reads("$..p.max()", "12.0");
    reads("$..books[*].length()", "14");
    reads("$.shop.books[*].length()", "[4,5,5]");
    reads("$.n.keys()", "[\"exp\",\"list\"]");
    reads("$.shop.tags.last()", "\"c\"");
    assert!(matches!(read("$.shop.none.sum()"), Err(PathError::Invalid(_))));
    assert!(matches!(read("$.shop.x()"), Err(PathError::Invalid(_))));
}

fn changed(change: impl Fn(&mut Json) -> Result<(), PathError>) -> Result<String, PathError> {
    let mut root = Json::parse(r#"{"a":[1,2,3],"b":{"c":1,"d":2},"e":[{"f":1},{"f":2}]}"#).unwrap();
    change(&mut root)?;
    Ok(root.to_string())
}

#[test]
fn changes() {
    let path = |text: &str| JsonPath::compile(text).unwrap();
    let nine = Json::number(9);
    let set = |text: &str| changed(|root| path(text).set(root, &nine));
    assert_eq!(set("$.a[*]").unwrap(), r#"{"a":[9,9,9],"b":{"c":1,"d":2},"e":[{"f":1},{"f":2}]}"#);
    assert_eq!(set("$.b['c','d']").unwrap(), r#"{"a":[1,2,3],"b":{"c":9,"d":9},"e":[{"f":1},{"f":2}]}"#);
    assert!(matches!(set("$.x"), Err(PathError::NotFound(_))) && set("$").is_err());
    let delete = |text: &str| changed(|root| path(text).delete(root));
    assert_eq!(delete("$.a[0,1]").unwrap(), r#"{"a":[3],"b":{"c":1,"d":2},"e":[{"f":1},{"f":2}]}"#);
    assert_eq!(delete("$..f").unwrap(), r#"{"a":[1,2,3],"b":{"c":1,"d":2},"e":[{},{}]}"#);
    assert_eq!(delete("$.e[?(@.f == 1)]").unwrap(), r#"{"a":[1,2,3],"b":{"c":1,"d":2},"e":[{"f":2}]}"#);
    assert!(changed(|root| path("$.b").add(root, &nine)).is_err());
    let added = changed(|root| path("$.a").add(root, &nine)).unwrap();
    assert!(added.starts_with(r#"{"a":[1,2,3,9]"#));
    let renamed = changed(|root| path("$.b").rename_key(root, "c", "x")).unwrap();
    assert!(renamed.contains(r#""b":{"d":2,"x":1}"#), "{renamed}");
    let put = changed(|root| path("$.e[*]").put(root, "g", &nine)).unwrap();
    assert!(put.contains(r#"[{"f":1,"g":9},{"f":2,"g":9}]"#), "{put}");
}

#[test]
fn matches_have_places() {
    let root = Json::parse(SHOP).unwrap();
    let matches = JsonPath::compile("$.shop.books[?(@.id == 2)].t").unwrap().matches(&root).unwrap();
    let place =
        vec![Key::Member("shop".into()), Key::Member("books".into()), Key::Index(1), Key::Member("t".into())];
    assert_eq!(matches, [JsonMatch { place, value: Json::string("Two") }]);
}

#[test]
fn equal_keys_deep_and_wide_trees() {
    let root = Json::parse(r#"{"a":1,"b":2,"a":3}"#).unwrap();
    let read = |path: &str| JsonPath::compile(path).unwrap().read(&root).unwrap().to_string();
    assert_eq!((read("$.a"), read("$.*"), read("$.length()")), ("3".into(), "[3,2]".into(), "2".into()));
    let deep = Json::parse(&format!("{}1{}", "[".repeat(900), "]".repeat(900))).unwrap();
    assert!(JsonPath::compile("$..a").unwrap().read(&deep).is_ok());
    let members: Vec<String> = (0..20_000).map(|i| format!("\"k{i}\":{i}")).collect();
    let wide = Json::parse(&format!("{{{}}}", members.join(","))).unwrap();
    assert!(
        matches!(JsonPath::compile("$.*").unwrap().read(&wide), Ok(Json::Array(all)) if all.len() == 20_000)
    );
}
