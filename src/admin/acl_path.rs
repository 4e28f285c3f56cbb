//! From what an administrator calls a file to volume and path.

use std::path::Path;

use freehold_dtyp::Wtf8Buf;

use super::home_share;
use super::names::Names;
use crate::config::VolumeConfig;
use crate::state::SharesSnapshot;
use crate::vfs::VfsPath;

/// A place in a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Name of the volume.
    pub(super) volume: String,
    /// Path below its root.
    pub(super) path: VfsPath,
}

/// Whose folder is meant, where a share leads to another one for each who connects.
#[derive(Clone, Copy)]
pub(super) enum Whose<'a> {
    /// Nobody's: what is asked for has no user.
    Nobodys,
    /// That of this account, if one is given.
    Of(&'a Names, Option<&'a str>),
}

/// Reads `share:/folder/file`, `\\server\share\folder\file` (also with `/`), or a path of this machine within a volume. Of two
/// volumes that hold it the inner one counts.
///
/// # Errors
/// When nothing is served there, nobody says whose folder is meant, or a component is `.` or `..`.
pub(super) fn find(
    text: &str,
    shares: &SharesSnapshot,
    volumes: &[VolumeConfig],
    whose: Whose<'_>,
) -> anyhow::Result<Place> {
    if let Some(unc) = text.strip_prefix("\\\\").or_else(|| text.strip_prefix("//")) {
        let mut parts = unc.splitn(3, ['\\', '/']);
        let (_server, share, rest) = (parts.next(), parts.next().unwrap_or_default(), parts.next());
        return in_share(text, share, rest.unwrap_or_default(), shares, whose);
    }
    if !text.starts_with('/') {
        let (share, rest) = text.split_once(':').ok_or_else(|| {
            anyhow::anyhow!(
                "{text:?} names nothing: give share:/folder/file, \\\\server\\share\\folder\\file or a full path on this machine"
            )
        })?;
        return in_share(text, share, rest, shares, whose);
    }
    let wanted = Path::new(text);
    let inner = volumes
        .iter()
        .filter_map(|volume| Some((volume, wanted.strip_prefix(&volume.path).ok()?)))
        .max_by_key(|(volume, _)| volume.path.components().count());
    let Some((volume, rest)) = inner else {
        let roots: Vec<_> = volumes.iter().map(|volume| volume.path.display().to_string()).collect();
        anyhow::bail!("{text:?} is in no volume of this server; they are {}", roots.join(", "));
    };
    let rest = rest.to_str().ok_or_else(|| anyhow::anyhow!("{text:?} is not UTF-8"))?;
    Ok(Place { volume: volume.name.clone(), path: path(text, rest)? })
}

fn in_share(
    text: &str,
    share: &str,
    rest: &str,
    shares: &SharesSnapshot,
    whose: Whose<'_>,
) -> anyhow::Result<Place> {
    let found = shares.share(share).ok_or_else(|| {
        anyhow::anyhow!("there is no share called {share:?}; `freehold share list` shows them")
    })?;
    let folder = match whose {
        Whose::Nobodys => home_share::folder(found, "", || Ok(None)),
        Whose::Of(names, user) => {
            let hint = "say whose with --as USER (over HTTPS asUser), or ";
            home_share::folder(found, hint, || user.map(|user| names.principal(user)).transpose())
        }
    }?;
    let base = path(text, &folder)?;
    Ok(Place { volume: found.settings.volume.clone(), path: base.join(&path(text, rest)?) })
}

/// A path below a root, parts separated by `/` or `\`.
pub(super) fn path(text: &str, below: &str) -> anyhow::Result<VfsPath> {
    let parts: Vec<&str> = below.split(['/', '\\']).filter(|part| !part.is_empty() && *part != ".").collect();
    VfsPath::new(Wtf8Buf::from(parts.join("/")))
        .ok_or_else(|| anyhow::anyhow!("{text:?} has a component that is no name: {below:?}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::state::{CachingMode, Share, ShareSettings};

    #[test]
    fn places_are_found_by_share_and_by_path() {
        let volume = |name: &str, path: &str| VolumeConfig::new(name, path.into());
        let volumes = [volume("data", "/srv"), volume("inner", "/srv/inner")];
        let share = |id, name: &str, path: &str| Share {
            id,
            name: name.to_owned(),
            settings: ShareSettings {
                volume: "data".to_owned(),
                path: path.to_owned(),
                comment: String::new(),
                security: Arc::new(freehold_acl::SecurityDescriptor::default()),
                ..share_settings()
            },
        };
        let homes = [share(2, "Home", "homes/{user}"), share(3, "Client", "homes/{user}/{client}")];
        let shares = SharesSnapshot::new([share(1, "Projects", "p/q")].into_iter().chain(homes).collect());
        let found = |text: &str| {
            let place = find(text, &shares, &volumes, Whose::Nobodys)?;
            anyhow::Ok((place.volume, place.path.as_wtf8().to_string()))
        };
        for (text, volume, path) in [
            ("projects:/a/b", "data", "p/q/a/b"),
            ("projects:a\\b", "data", "p/q/a/b"),
            ("Projects:", "data", "p/q"),
            ("\\\\server\\projects\\a\\b\\", "data", "p/q/a/b"),
            ("//server/projects", "data", "p/q"),
            ("/srv/a//b", "data", "a/b"),
            ("/srv", "data", ""),
            ("/srv/inner/x", "inner", "x"),
        ] {
            assert_eq!(found(text).unwrap(), (volume.to_owned(), path.to_owned()), "{text}");
        }
        for text in
            ["nothing", "other:/a", "/etc/passwd", "projects:/../x", "/srv/../etc", "\\\\server", "/srvx"]
        {
            assert!(found(text).is_err(), "{text}");
        }
        // Which folder that is takes a user; where the connection decides too nobody can say.
        let state = crate::state::State::in_memory().unwrap();
        let names = Names::new(&state, None);
        for (text, user, word) in [
            ("Home:/x", None, "say whose with --as USER"),
            ("Home:/x", Some("nobody"), "nobody"),
            ("Client:/x", Some("nobody"), "{client}"),
        ] {
            let error = find(text, &shares, &volumes, Whose::Of(&names, user)).unwrap_err().to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
        assert!(
            find("Home:/x", &shares, &volumes, Whose::Nobodys)
                .unwrap_err()
                .to_string()
                .contains("by its path")
        );
        // A fixed share does not ask who it is.
        assert!(find("Projects:/x", &shares, &volumes, Whose::Of(&names, Some("nobody"))).is_ok());
    }

    fn share_settings() -> ShareSettings {
        ShareSettings {
            volume: String::new(),
            path: String::new(),
            comment: String::new(),
            security: Arc::default(),
            encrypt: false,
            access_based_enumeration: false,
            caching: CachingMode::Manual,
            continuously_available: false,
            ca_timeout_seconds: 0,
            max_users: None,
            audit: crate::config::AuditOption::None,
        }
    }
}
