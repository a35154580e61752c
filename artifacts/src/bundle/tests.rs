use super::*;
use crate::diagnostics::Diagnostics;

fn file(path: &str, text: &str) -> File {
    File::new(path, text.as_bytes())
}

fn shown(app: &Application) -> Vec<String> {
    let show = |item: &Item| match item {
        Item::Artifact { kind, source } => format!("{kind} {}", source.path),
        Item::Resource(resource) => format!("{resource:?}"),
        Item::Config(entries) => {
            format!("config {}", entries.iter().map(|e| &*e.name).collect::<Vec<_>>().join(","))
        }
        Item::Library(file) => format!("lib {}", file.path),
        Item::Other { kind, name } => format!("other {kind} {name}"),
    };
    app.items.iter().map(show).collect()
}

#[test]
fn a_project_folder() {
    let files = [
        file(
            "pom.xml",
            "<project xmlns='urn:m'><artifactId>shop</artifactId><version>2.0.0-SNAPSHOT</version></project>",
        ),
        file("src/main/wso2mi/artifacts/apis/a.xml", "<api/>"),
        file("src/main/wso2mi/artifacts/endpoints/e.xml", "<endpoint/>"),
        file("src/main/wso2mi/resources/conf/config.properties", "url:string\n"),
        file("src/main/wso2mi/resources/xslt/t.xslt", "<x/>"),
        file("src/main/wso2mi/resources/registry/conf/p.xml", "<p/>"),
        file("src/main/wso2mi/resources/json/.gitkeep", ""),
        file(
            "src/main/wso2mi/resources/artifact.xml",
            "<artifacts><artifact><item><file>t.xslt</file><path>/_system/governance/mi-resources/xslt</path>\
             <mediaType>application/xslt+xml</mediaType></item></artifact></artifacts>",
        ),
        file("src/test/wso2mi/t.xml", "<unit-test/>"),
        file("target/x/src/main/wso2mi/artifacts/apis/copy.xml", "<api/>"),
    ];
    let mut diagnostics = Diagnostics::new();
    let folder = open_folder("shop", &files, &mut diagnostics);
    assert_eq!(folder.layout, Layout::Project);
    let [app] = folder.applications.as_slice() else { panic!("{folder:?}") };
    assert_eq!((&*app.name, &*app.version), ("shop", "2.0.0"));
    assert_eq!(
        shown(app),
        [
            "config url",
            "conf:/p.xml (4 bytes)",
            "gov:/mi-resources/xslt/t.xslt (4 bytes, application/xslt+xml)",
            "endpoint shop/src/main/wso2mi/artifacts/endpoints/e.xml",
            "api shop/src/main/wso2mi/artifacts/apis/a.xml",
        ]
    );
    assert!(diagnostics.is_empty(), "{}", diagnostics.render());
}

#[test]
fn a_server_home() {
    let base = "repository/deployment/server/";
    let files = [
        file(&format!("{base}synapse-configs/default/api/a.xml"), "<api/>"),
        file(&format!("{base}synapse-configs/default/synapse.xml"), "<definitions/>"),
        file(&format!("{base}synapse-configs/default/registry.xml"), "<registry/>"),
        file(&format!("{base}carbonapps/x.car"), "PK"),
        file("registry/governance/a/b.txt", "x"),
        file("registry/governance/a/.metadata/b.txt.meta", "mediaType=text/plain"),
        file("registry/governance/a/b.txt.properties", "color=red"),
        file("conf/deployment.toml", ""),
    ];
    let folder = open_folder("", &files, &mut Diagnostics::new());
    assert_eq!(folder.layout, Layout::Server);
    let kinds: Vec<_> = folder.loose.iter().map(|loose| loose.kind).collect();
    assert_eq!(kinds, [Some(Kind::Api), None]);
    assert_eq!(folder.archives.len(), 1);
    let texts: Vec<_> = folder.resources.iter().map(|resource| format!("{resource:?}")).collect();
    assert_eq!(texts, ["gov:/a/b.txt (1 bytes, text/plain)", "gov:/a/b.txt.properties (9 bytes)"]);
    assert_eq!(folder.resources[0].properties, [("color".to_owned(), "red".to_owned())]);
}

#[test]
fn a_bare_folder_takes_artifacts_only() {
    let files = [
        file("a.xml", "<api/>"),
        file("pom.xml", "<project/>"),
        file("broken.xml", "<api"),
        file("sequences/s.xml", "<x/>"),
        file("target/b.xml", "<api/>"),
    ];
    let folder = open_folder("f", &files, &mut Diagnostics::new());
    let paths: Vec<_> = folder.loose.iter().map(|loose| &*loose.source.path).collect();
    assert_eq!(paths, ["f/a.xml", "f/broken.xml", "f/sequences/s.xml"]);
}

fn car(artifacts: &str, more: &[(&str, &str)]) -> Vec<File> {
    let root = format!(
        "<artifacts><artifact name='App' version='1.0.0' type='carbon/application'>{artifacts}</artifact></artifacts>"
    );
    let mut files = vec![file("artifacts.xml", &root)];
    files.extend(more.iter().map(|(path, text)| file(path, text)));
    files
}

fn read(files: &[File]) -> (Option<Application>, Diagnostics) {
    let mut diagnostics = Diagnostics::new();
    let app = application("a.car", files, &ServerRoles::default(), &mut diagnostics);
    (app, diagnostics)
}

#[test]
fn an_application_in_the_order_of_deployment() {
    let files = car(
        "<dependency artifact='A' version='1' include='true' serverRole='EnterpriseServiceBus'/>\
         <dependency artifact='E' version='1' serverRole='Enterprise.*'/>\
         <dependency artifact='R' version='1'/>\
         <dependency artifact='X' version='1' serverRole='GovernanceRegistry'/>",
        &[
            (
                "A_1/artifact.xml",
                "<artifact name='A' version='1' type='synapse/api'><file>A-1.xml</file></artifact>",
            ),
            ("A_1/A-1.xml", "<api/>"),
            (
                "E_1/artifact.xml",
                "<artifact name='E' version='1' type='synapse/endpoint'><file>E-1.xml</file></artifact>",
            ),
            ("E_1/E-1.xml", "<endpoint/>"),
            (
                "R_1/artifact.xml",
                "<artifact name='R' version='1' type='registry/resource'><file>registry-info.xml</file></artifact>",
            ),
            (
                "R_1/registry-info.xml",
                "<resources><item><file>s.json</file><path>/_system/config/x</path><mediaType>application/json</mediaType></item></resources>",
            ),
            ("R_1/resources/s.json", "{}"),
        ],
    );
    let (app, diagnostics) = read(&files);
    let app = app.expect("an application");
    assert_eq!(
        shown(&app),
        [
            "conf:/x/s.json (2 bytes, application/json)",
            "endpoint a.car!/E_1/E-1.xml",
            "api a.car!/A_1/A-1.xml"
        ]
    );
    assert!(diagnostics.is_empty(), "{}", diagnostics.render());
}

#[test]
fn a_missing_dependency_refuses_the_application() {
    let files = car(
        "<dependency artifact='A' version='2'/>",
        &[(
            "A_1/artifact.xml",
            "<artifact name='A' version='1' type='synapse/api'><file>A-1.xml</file></artifact>",
        )],
    );
    let (app, diagnostics) = read(&files);
    assert!(app.is_none());
    let text = diagnostics.render();
    assert!(text.contains("'A' version '2'") && text.contains("it holds version '1'"), "{text}");
}

#[test]
fn damaged_archives_are_reported() {
    assert!(read(&[]).1.render().contains("artifacts.xml"));
    assert!(read(&[file("artifacts.xml", "<artifacts>")]).1.has_errors());
    let files = car(
        "<dependency artifact='A' version='1'/>",
        &[("A_1/artifact.xml", "<artifact name='A' version='1' type='synapse/api'/>")],
    );
    assert!(read(&files).1.render().contains("exactly one <file>"));
}

#[test]
fn descriptors_order_applications() {
    let app = |path: &str, id: &str, needs: &[&str]| Application {
        path: path.to_owned(),
        descriptor: Some(Descriptor {
            id: id.to_owned(),
            dependencies: needs
                .iter()
                .map(|n| Dependency { group: "g".into(), artifact: (*n).into(), version: "1".into() })
                .collect(),
            ..Descriptor::default()
        }),
        ..Application::default()
    };
    let order = |list: Vec<Application>| {
        let mut diagnostics = Diagnostics::new();
        let sorted = deployment_order(list, &mut diagnostics);
        let paths: Vec<String> = sorted.iter().map(|a| a.path.clone()).collect();
        (paths.join(" "), diagnostics.len())
    };
    let a = || app("a.car", "g__a__1", &["b"]);
    let b = || app("b.car", "g__b__1", &[]);
    assert_eq!(order(vec![a(), b()]), ("b.car a.car".to_owned(), 0));
    assert_eq!(order(vec![app("b.car", "g__b__1", &["a"]), a()]), ("a.car b.car".to_owned(), 1));
    assert_eq!(order(vec![a(), Application { path: "c.car".into(), ..Application::default() }]).1, 1);
}

#[test]
fn texts_are_decoded() {
    assert_eq!(decode(b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>").chars().nth(46), Some('é'));
    assert_eq!(decode(&[0xff, 0xfe, b'a', 0]), "a");
}
