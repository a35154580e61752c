//! Addresses of local files.

use std::path::{Path, PathBuf};

/// The path of a `file:` URI or a plain path, both with or without `vfs:` in front; relative ones start
/// at `home`. The error is what is not supported; it shows no password.
pub(super) fn local_path(uri: &str, home: &Path) -> Result<PathBuf, String> {
    let uri = match uri.split_at_checked(4) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("vfs:") => rest,
        _ => uri,
    };
    let path = match uri.strip_prefix("file:") {
        // file:///x and file:/x are the same path.
        Some(rest) => rest.strip_prefix("//").unwrap_or(rest),
        None => match uri.split_once("://") {
            Some((scheme, _)) => return Err(format!("the scheme '{scheme}:'")),
            None => uri,
        },
    };
    Ok(home.join(artifacts::uri_template::percent_decode(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_path() {
        let path = |uri: &str| local_path(uri, Path::new("/base"));
        for uri in ["/a/b c", "file:/a/b%20c", "file:///a/b c", "vfs:file:///a/b%20c", "VFS:file:/a/b c"] {
            assert_eq!(path(uri).unwrap(), Path::new("/a/b c"), "{uri}");
        }
        assert_eq!(path("file://in").unwrap(), Path::new("/base/in"));
        let error = path("vfs:ftp://me:secret@h/x").unwrap_err();
        assert!(error.contains("'ftp:'") && !error.contains("secret"), "{error}");
    }
}
