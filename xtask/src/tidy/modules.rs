//! Which files belong to a crate: those that its roots declare, one `mod name;` after the other.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Finding;
use super::source::SourceFile;

/// Folders of the workspace's crates: the root and its members.
///
/// # Errors
/// A message when the manifest cannot be read.
pub(super) fn crates(root: &Path) -> Result<Vec<PathBuf>, String> {
    let manifest = root.join("Cargo.toml");
    let text =
        std::fs::read_to_string(&manifest).map_err(|error| format!("{}: {error}", manifest.display()))?;
    let members = text
        .split_once("members")
        .and_then(|(_, rest)| rest.split_once('['))
        .and_then(|(_, rest)| rest.split_once(']'))
        .map_or("", |(list, _)| list);
    let mut folders: Vec<PathBuf> = members
        .split(',')
        .map(|member| member.trim().trim_matches('"'))
        .filter(|member| !member.is_empty() && *member != ".")
        .map(|member| root.join(member))
        .collect();
    folders.push(root.to_owned());
    Ok(folders)
}

/// Every file that the crate's targets declare, the targets' own included.
///
/// # Errors
/// A message when a declared file is missing or unreadable.
pub(super) fn reachable(root: &Path, crate_folder: &Path) -> Result<Vec<SourceFile>, String> {
    let mut roots: Vec<(PathBuf, bool)> = ["src/lib.rs", "src/main.rs", "build.rs"]
        .iter()
        .map(|name| (crate_folder.join(name), false))
        .filter(|(path, _)| path.exists())
        .collect();
    for (folder, is_test) in [("src/bin", false), ("tests", true), ("benches", true), ("examples", true)] {
        for entry in entries(&crate_folder.join(folder)) {
            if entry.extension().is_some_and(|extension| extension == "rs") {
                roots.push((entry, is_test));
            } else if entry.join("main.rs").exists() {
                roots.push((entry.join("main.rs"), is_test));
            }
        }
    }
    let mut files = Vec::new();
    for (path, is_test) in roots {
        // Submodules of a crate root lie beside it.
        let folder = path.parent().unwrap_or(crate_folder).to_owned();
        follow(root, &path, &folder, is_test, &mut files)?;
    }
    Ok(files)
}

fn follow(
    root: &Path,
    path: &Path,
    folder: &Path,
    is_test: bool,
    files: &mut Vec<SourceFile>,
) -> Result<(), String> {
    let file = SourceFile::read(root, path, is_test)?;
    let shipped = file.shipped_code();
    let declared: Vec<(String, bool)> = declarations(&file.code)
        .into_iter()
        .map(|name| {
            let in_shipped = declarations(&shipped).contains(&name);
            (name, is_test || !in_shipped)
        })
        .collect();
    files.push(file);
    for (name, is_test) in declared {
        let beside = folder.join(format!("{name}.rs"));
        let inside = folder.join(&name).join("mod.rs");
        let child = if beside.exists() { beside } else { inside };
        follow(root, &child, &folder.join(&name), is_test, files)?;
    }
    Ok(())
}

/// Names in `mod name;` of this code.
fn declarations(code: &str) -> Vec<String> {
    code.lines()
        .filter_map(|line| {
            let line = line.trim().strip_suffix(';')?;
            let (before, name) = line.rsplit_once("mod ")?;
            let before = before.trim_end();
            let visibility = before.is_empty()
                || before.ends_with("pub")
                || before.ends_with(')')
                || before.ends_with(']');
            (visibility && name.chars().all(|c| c.is_alphanumeric() || c == '_')).then(|| name.to_owned())
        })
        .collect()
}

/// Files below the crate's `src` that nothing declares.
///
/// # Errors
/// Never now; the signature leaves room for unreadable folders.
pub(super) fn dead_files(
    root: &Path,
    crate_folder: &Path,
    reached: &[SourceFile],
) -> Result<Vec<Finding>, String> {
    let known: BTreeSet<PathBuf> = reached.iter().map(|file| root.join(&file.path)).collect();
    let mut all = Vec::new();
    rust_files(&crate_folder.join("src"), &mut all);
    Ok(all
        .into_iter()
        .filter(|path| !known.contains(path))
        .map(|path| Finding {
            path: path.strip_prefix(root).unwrap_or(&path).display().to_string(),
            line: 1,
            message: "no module declares this file".to_owned(),
        })
        .collect())
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in entries(folder) {
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The folder's entries in the order of their names; none when there is no such folder.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_with_any_visibility_are_found() {
        let code = "mod a;\npub mod b;\npub(crate) mod c;\n    #[cfg(test)] mod d;\nmod e {\n}\nuse mod_x;\n";
        assert_eq!(declarations(code), ["a", "b", "c", "d"]);
    }
}
