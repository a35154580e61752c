//! In which order applications are deployed at start-up.

use super::Application;
use crate::diagnostics::{Code, Diagnostics};
use crate::source::{Source, Span};

/// Sorts applications as MI does: by descriptor dependencies when every one has a descriptor,
/// otherwise (and after a cycle or a missing dependency, with a warning) by file name.
pub fn deployment_order(
    mut applications: Vec<Application>,
    diagnostics: &mut Diagnostics,
) -> Vec<Application> {
    applications.sort_by(|a, b| a.path.cmp(&b.path));
    let with = applications.iter().filter(|app| app.descriptor.is_some()).count();
    if with == 0 || applications.len() < 2 {
        return applications;
    }
    if with < applications.len() {
        let app = applications.iter().find(|app| app.descriptor.is_none()).map_or("", |app| &*app.path);
        warn(app, "has no descriptor; applications are deployed by file name", diagnostics);
        return applications;
    }
    match sorted(&applications) {
        Ok(order) => {
            let mut slots: Vec<Option<Application>> = applications.into_iter().map(Some).collect();
            order.into_iter().filter_map(|at| slots.get_mut(at).and_then(Option::take)).collect()
        }
        Err((path, problem)) => {
            warn(&path, &format!("{problem}; applications are deployed by file name"), diagnostics);
            applications
        }
    }
}

fn warn(path: &str, problem: &str, diagnostics: &mut Diagnostics) {
    let source = Source::new(path, "");
    diagnostics.warning(Code::ARCHIVE, (&source, Span::default()), problem);
}

/// Kahn's algorithm; the input order decides among equals.
fn sorted(applications: &[Application]) -> Result<Vec<usize>, (String, String)> {
    let id = |app: &Application| app.descriptor.as_ref().map_or(String::new(), |d| d.id.clone());
    let ids: Vec<String> = applications.iter().map(id).collect();
    let mut needs: Vec<Vec<usize>> = Vec::new();
    for app in applications {
        let dependencies = app.descriptor.iter().flat_map(|d| &d.dependencies);
        let mut found = Vec::new();
        for dependency in dependencies {
            let wanted = dependency.id();
            match ids.iter().position(|id| *id == wanted) {
                Some(at) => found.push(at),
                None => return Err((app.path.clone(), format!("needs '{wanted}', which is not here"))),
            }
        }
        needs.push(found);
    }
    let mut order: Vec<usize> = Vec::new();
    while order.len() < applications.len() {
        let ready = (0..applications.len()).find(|at| {
            !order.contains(at)
                && needs.get(*at).is_some_and(|list| list.iter().all(|need| order.contains(need)))
        });
        let Some(ready) = ready else {
            let path = applications.first().map_or(String::new(), |app| app.path.clone());
            return Err((path, "applications need each other in a circle".to_owned()));
        };
        order.push(ready);
    }
    Ok(order)
}
