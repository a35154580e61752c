use super::*;
use artifacts::uri_template::UriTemplate;

fn resource(methods: &[&str], mapping: Mapping) -> ResourceRoute {
    ResourceRoute {
        methods: methods.iter().map(|m| (*m).to_owned()).collect(),
        mapping,
        pattern: "".into(),
        secure_only: None,
        content_type: None,
        user_agent: None,
        binds_to: Vec::new(),
    }
}

fn template(text: &str) -> Mapping {
    Mapping::Template(UriTemplate::parse(text).unwrap())
}

fn url(text: &str) -> Mapping {
    Mapping::Url(UrlMapping::parse(text))
}

fn api(name: &str, context: &str, resources: Vec<ResourceRoute>) -> ApiRoute {
    ApiRoute {
        program: Arc::new(ApiProgram {
            name: name.into(),
            resources: Vec::new(),
            cors: None,
            foreign_handler: None,
        }),
        facts: Arc::new(ApiFacts { context: context.to_owned(), ..ApiFacts::default() }),
        strategy: VersionStrategy::None,
        hostname: None,
        port: None,
        secure_only: None,
        binds_to: vec!["default".to_owned()],
        resources,
    }
}

fn versioned(mut api: ApiRoute, version: &str) -> ApiRoute {
    let version = version.to_owned();
    api.facts = Arc::new(ApiFacts { version, ..(*api.facts).clone() });
    api.strategy = VersionStrategy::Url;
    api
}

fn router(apis: Vec<ApiRoute>) -> Router {
    Router::new(apis, Vec::new(), "services", Cors::default())
}

fn ask(router: &Router, method: &str, target: &str) -> String {
    let request = Request {
        method,
        target,
        host: Some("h"),
        content_type: None,
        user_agent: None,
        secure: false,
        listener: "default",
    };
    match router.route(&request) {
        Route::Resource { api, resource, variables, sub_path } => {
            let variables: Vec<_> = variables.iter().map(|(n, v)| format!("{n}={v}")).collect();
            format!("{}[{resource}] {sub_path} {}", api.program.name, variables.join(","))
        }
        Route::Mismatch { status, .. } => status.to_string(),
        Route::Options { resource, .. } => format!("options[{resource}]"),
        Route::Proxy { proxy, rest } => format!("proxy {} {rest}", proxy.name),
        Route::ServiceList => "services".to_owned(),
        Route::Main => "main".to_owned(),
    }
}

#[test]
fn longest_context_wins_and_matches_whole_segments() {
    let all = || vec![resource(&[], template("/*"))];
    let router = router(vec![api("A", "/a", all()), api("AB", "/a/b", all())]);
    assert_eq!(ask(&router, "GET", "/a/b/c"), "AB[0] /c ");
    assert_eq!(ask(&router, "GET", "/a/bc"), "A[0] /bc ");
    assert_eq!(ask(&router, "GET", "/ab"), "main");
}

#[test]
fn versioned_apis_come_first() {
    let all = || vec![resource(&[], template("/*"))];
    let router = router(vec![api("Plain", "/a/1.0/deep", all()), versioned(api("V", "/a", all()), "1.0")]);
    assert_eq!(ask(&router, "GET", "/a/1.0/deep/x"), "V[0] /deep/x ");
    assert_eq!(ask(&router, "GET", "/a/1.0"), "V[0]  ");
    assert_eq!(ask(&router, "GET", "/a/2.0/x"), "main");
}

#[test]
fn method_not_allowed_only_when_no_resource_takes_the_method() {
    let mixed = api("M", "/m", vec![resource(&["GET"], template("/g")), resource(&["POST"], template("/p"))]);
    let router = router(vec![mixed]);
    assert_eq!(ask(&router, "GET", "/m/p"), "404");
    assert_eq!(ask(&router, "DELETE", "/m/g"), "405");
    assert_eq!(ask(&router, "DELETE", "/m/none"), "404");
    assert_eq!(ask(&router, "OPTIONS", "/m/g"), "options[0]");
}

#[test]
fn url_mappings_before_templates_and_by_length() {
    let resources = vec![
        resource(&[], template("/x/{id}")),
        resource(&[], url("/*")),
        resource(&[], url("/x/y/*")),
        resource(&[], url("/x/exact")),
    ];
    let router = router(vec![api("U", "/u", resources)]);
    assert_eq!(ask(&router, "GET", "/u/x/exact/"), "U[3] /x/exact/ ");
    assert_eq!(ask(&router, "GET", "/u/x/y/z"), "U[2] /x/y/z ");
    assert_eq!(ask(&router, "GET", "/u/x/7"), "U[1] /x/7 ");
}

#[test]
fn extension_and_default_resources() {
    let resources = vec![resource(&[], url("*.json")), resource(&[], Mapping::Default)];
    let router = router(vec![api("E", "", resources)]);
    assert_eq!(ask(&router, "GET", "/a/b.json?x=1"), "E[0] /a/b.json?x=1 ");
    assert_eq!(ask(&router, "GET", "/a"), "E[1] /a ");
}

#[test]
fn variables_are_given() {
    let router = router(vec![api("T", "/t", vec![resource(&["GET"], template("/{a}/b/{c}"))])]);
    assert_eq!(ask(&router, "GET", "/t/1/b/2?q=3"), "T[0] /1/b/2?q=3 a=1,c=2");
}

#[test]
fn the_context_alone_is_its_root() {
    let router = router(vec![api("S", "/shop", vec![resource(&[], template("/*"))])]);
    assert_eq!(ask(&router, "GET", "/shop"), "S[0]  ");
    assert_eq!(ask(&router, "GET", "/shop/"), "S[0] / ");
    assert_eq!(ask(&router, "GET", "/shop?x=1"), "404");
}

#[test]
fn whole_urls_are_routed_by_their_path() {
    for (target, path) in [
        ("http://h:1/a/b?c=1", "/a/b?c=1"),
        ("https://h", "/"),
        ("/a?back=http://h/x", "/a?back=http://h/x"),
        ("*", "*"),
    ] {
        assert_eq!(path_and_query(target), path);
    }
}
