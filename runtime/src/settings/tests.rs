use super::*;

fn read(text: &str) -> (Settings, Diagnostics) {
    let environment = Environment::of([("DB_HOST", "db.example"), ("POD", "pod-1")]).with_options([
        "-Dregion=eu",
        "-Dflag",
        "ignored",
    ]);
    let mut diagnostics = Diagnostics::new();
    let source = Source::new("conf/deployment.toml", text);
    (Settings::read(&source, environment, &mut diagnostics), diagnostics)
}

#[test]
fn defaults_are_those_of_mi() {
    let settings = Settings::default();
    assert_eq!(settings.port(settings.http.listener.port), 8290);
    assert_eq!(settings.port(settings.http.secured_listener.port), 8253);
    assert_eq!(settings.port(settings.mediation.internal_http_port), 9201);
    assert_eq!(settings.port(settings.mediation.internal_https_port), 9164);
    assert_eq!(settings.http.socket_timeout.as_secs(), 180);
    assert_eq!(settings.http.connection_timeout.as_secs(), 90);
    assert_eq!(settings.mediation.global_timeout.as_secs(), 120);
    assert_eq!(settings.management_api.users[0].name, "admin");
    assert_eq!(settings.server.roles.len(), 3);
}

#[test]
fn placeholders_anywhere_in_a_text() {
    let (settings, diagnostics) = read(
        "base = 'x'\n[[datasource]]\nid = 'A'\nurl = 'jdbc:postgresql://$env{DB_HOST}:5432/$sys{region}'\n\
         pool_options.maxActive = 5\n[cluster_config]\nnode_id = '$env{POD}-$ref{base}'\n",
    );
    assert!(diagnostics.is_empty(), "{}", diagnostics.render());
    let source = settings.datasource("A").unwrap();
    assert_eq!(source.url, "jdbc:postgresql://db.example:5432/eu");
    assert_eq!(source.options.get("pool_options.maxActive").map(String::as_str), Some("5"));
    assert_eq!(settings.cluster.node_id.as_deref(), Some("pod-1-x"));
}

#[test]
fn a_placeholder_without_a_value_is_an_error() {
    let (_, diagnostics) = read("[server]\nhostname = '$env{NOPE}'\n");
    let text = diagnostics.render();
    assert!(diagnostics.has_errors() && text.contains("deployment.toml:2:13"), "{text}");
}

#[test]
fn a_reference_to_itself_ends() {
    let (_, diagnostics) = read("a = '$ref{b}'\nb = '$ref{a}'\n");
    assert!(diagnostics.has_errors());
}

#[test]
fn properties_by_both_names() {
    let (settings, _) = read(
        "[mediation]\nsynapse.enable_xml_nil = true\nsynapse.global_timeout_interval = \"5000\"\n\
         [synapse_properties]\n'synapse.timeout_handler_interval' = \"1000\"\n'synapse.rest.CORSConfig.enabled' = false\n",
    );
    assert!(settings.synapse_flag("synapse.commons.enableXmlNilReadWrite", false));
    assert!(!settings.synapse_flag("synapse.rest.CORSConfig.enabled", true));
    assert_eq!(settings.mediation.global_timeout.as_millis(), 5000);
    assert_eq!(settings.mediation.timeout_interval.as_millis(), 1000);
}

#[test]
fn odd_values_warn_and_unknown_keys_do_not() {
    let (settings, diagnostics) = read("[server]\noffset = 'ten'\nnew_key = 1\n[anything]\nx = [1, 2]\n");
    assert_eq!((settings.server.offset, diagnostics.len()), (10, 1));
    assert!(!diagnostics.has_errors());
    assert_eq!(settings.raw.text("anything.x").as_deref(), Some("1,2"));
}

#[test]
fn broken_toml_is_one_error() {
    let (settings, diagnostics) = read("[server\noffset = 1\n");
    assert!(diagnostics.has_errors() && settings.server.offset == 10);
}

#[test]
fn the_command_line_wins() {
    let environment = Environment::default().with_options(["-DportOffset=3", "-DserverRoles=A, B"]);
    let source = Source::new("d.toml", "[server]\noffset = 7\n");
    let settings = Settings::read(&source, environment, &mut Diagnostics::new());
    assert_eq!((settings.server.offset, settings.server.roles.len()), (3, 2));
}

#[test]
fn the_file_of_a_home_is_found() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("deployment")).unwrap();
    std::fs::write(home.path().join("deployment/deployment.toml"), "[server]\noffset = 1\n").unwrap();
    let (settings, _) = Settings::load(home.path(), None, Environment::default());
    assert_eq!(settings.server.offset, 1);
    let missing = home.path().join("none.toml");
    assert!(Settings::load(home.path(), Some(&missing), Environment::default()).1.has_errors());
}

#[test]
fn stores_of_the_transport_are_those_of_the_server_unless_named() {
    let (settings, found) = read(
        "[keystore.primary]\nfile_name = 'a.p12'\npassword = 'p'\n[truststore]\nfile_name = 't.jks'\n\
         [transport.http]\nlistener.keystore.location = 'b.p12'\nlistener.verify_client = 'optional'\n\
         sender.hostname_verifier = 'allowall'\n",
    );
    assert!(found.is_empty(), "{}", found.render());
    let (listener, sender) = (&settings.http.listener_tls, &settings.http.sender_tls);
    assert_eq!((listener.keystore.location.as_str(), listener.keystore.password.as_str()), ("b.p12", "p"));
    assert_eq!(listener.keystore.named_by.as_deref(), Some("transport.http.listener.keystore.location"));
    assert_eq!((sender.keystore.location.as_str(), sender.truststore.location.as_str()), ("a.p12", "t.jks"));
    assert_eq!((listener.verify_client, sender.host_names), (VerifyClient::Optional, HostNames::AllowAll));
    let shipped = Settings::default().http.sender_tls.truststore;
    assert!(shipped.location.ends_with("client-truststore.jks") && shipped.named_by.is_none());
    assert!(!format!("{listener:?}").contains("wso2carbon\""), "passwords are not shown");
}

#[test]
fn protocols_that_cannot_be_spoken_are_said() {
    let of = |list: &str| read(&format!("[transport.http]\nlistener.secured_protocols = {list}\n"));
    let (both, found) = of("['TLSv1.2', 'TLSv1.3']");
    assert!(found.is_empty() && both.http.listener_tls.protocols == Protocols::default());
    let (old, found) = of("'TLSv1,TLSv1.1, TLSv1.2'");
    assert_eq!(old.http.listener_tls.protocols, Protocols { tls12: true, tls13: false });
    assert!(!found.has_errors() && found.render().contains("TLSv1, TLSv1.1 will not be spoken"));
    let (_, found) = of("'TLSv1,SSLv3'");
    assert!(found.has_errors() && found.render().contains("found 'TLSv1,SSLv3'"), "{}", found.render());
}

#[test]
fn a_misspelt_client_verification_is_an_error() {
    let (settings, found) = read("[transport.http]\nlistener.verify_client = 'required'\n");
    assert!(found.has_errors() && settings.http.listener_tls.verify_client == VerifyClient::Require);
}
