//! Addresses that users have, and what is said about the others.

use super::*;

fn parse(url: &str) -> Address {
    Address::parse(url, None, None).unwrap()
}

#[test]
fn datasource_urls_of_mi_are_understood() {
    let a = parse("jdbc:mysql://db.example:3307/clusterdb?useSSL=false&amp;allowPublicKeyRetrieval=true");
    assert_eq!((a.kind, a.hosts.as_slice()), (Kind::MySql, [("db.example".to_owned(), 3307)].as_slice()));
    assert_eq!((a.database.as_str(), a.tls()), ("clusterdb", "disable"));
    let a = parse("jdbc:postgresql://10.0.0.5/coord?sslmode=require&currentSchema=mi");
    assert_eq!((a.kind, a.hosts[0].1, a.tls()), (Kind::Postgres, 5432, "require"));
    assert_eq!(a.option(&["currentschema"]), Some("mi"));
    assert_eq!(parse("jdbc:mariadb://h/db").kind, Kind::MySql);
    assert_eq!(parse("jdbc:postgresql:coord").hosts[0].0, "localhost");
}

#[test]
fn plain_urls_carry_credentials() {
    let a = parse("postgres://mi:p%40ss@h:6543/coord");
    assert_eq!((a.user.as_deref(), a.password.as_deref()), (Some("mi"), Some("p@ss")));
    let a = Address::parse("mysql://a:b@h/c", Some("x"), Some("y")).unwrap();
    assert_eq!((a.user.as_deref(), a.password.as_deref()), (Some("x"), Some("y")));
    let a = parse("jdbc:postgresql://h/c?user=u&password=p");
    assert_eq!((a.user.as_deref(), a.password.as_deref()), (Some("u"), Some("p")));
}

#[test]
fn sqlite_addresses_name_a_file() {
    for url in ["sqlite:/data/c.db", "jdbc:sqlite:/data/c.db", "sqlite:///data/c.db?mode=rwc"] {
        assert_eq!((parse(url).kind, parse(url).database.as_str()), (Kind::Sqlite, "/data/c.db"), "{url}");
    }
    assert!(Address::parse("sqlite::memory:", None, None).is_err());
}

#[test]
fn several_hosts_and_modes_are_read() {
    let a = parse("jdbc:mysql:loadbalance://one:1,two:2,three/db");
    assert_eq!(a.hosts, [("one".into(), 1), ("two".into(), 2), ("three".into(), 3306)]);
    assert_eq!(a.to_string(), "mysql://one:1,two:2,three:3306/db");
    assert_eq!(parse("postgres://[::1]:5/db").hosts[0].0, "::1");
    for url in ["jdbc:mysql://address=(host=h)(port=1)/db", "jdbc:mysql://(host=h,port=1)/db"] {
        let error = Address::parse(url, None, None).unwrap_err();
        assert!(error.to_string().contains("host:port,host:port"), "{error}");
    }
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn a_group_that_does_not_fit_is_refused() {
    let address = parse("sqlite:/data/c.db");
    let long = "g".repeat(65);
    for group in [long.as_str(), "", "a ", "a\u{0}"] {
        assert!(matches!(address.open(group, 1), Err(StoreError::Setup(_))), "{group:?}");
    }
    assert!(address.open(&long[1..], 1).is_ok());
}

#[test]
fn mistakes_are_told() {
    for url in ["jdbc:oracle:thin:@h:1521/x", "nonsense", "jdbc:mysql://h/", "postgres://h:port/db"] {
        assert!(matches!(Address::parse(url, None, None), Err(StoreError::Setup(_))), "{url}");
    }
}

#[test]
fn other_databases_get_to_know_what_to_do() {
    for url in ["jdbc:sqlserver://h:1433;databaseName=x", "jdbc:oracle:thin:@h:1521/x"] {
        let error = Address::parse(url, None, None).unwrap_err().to_string();
        assert!(error.contains("jdbc:postgresql:") && error.contains("enabled = false"), "{error}");
    }
}

#[cfg(not(feature = "tls"))]
#[test]
fn encryption_that_cannot_be_had_is_refused_at_once() {
    let error = parse("jdbc:postgresql://h/c?sslmode=verify-full").open("g", 1).err();
    assert!(matches!(error, Some(StoreError::Setup(why)) if why.contains("tls")));
}

#[test]
fn the_password_is_never_shown() {
    let a = parse("postgres://mi:secret@h/coord");
    assert!(!format!("{a} {a:?}").contains("secret"));
}
