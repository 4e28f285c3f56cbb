//! `freehold demo`: a server to try out, all of it below one folder.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::{logging, password, serve, target};
use crate::admin::AdminService;
use crate::admin::protocol::{Password, Reply, Request, ShareOptions};
use crate::config::{self, Config};
use crate::server;
use crate::state::{State, StateError};

/// The demo's account, an administrator of its server.
const USER: &str = "demo";
/// The demo's volume.
const VOLUME: &str = "demo";
/// The shares: name, folder, comment, encrypted. The first is the one that the printed lines use.
const SHARES: [(&str, &str, &str, bool); 2] = [
    ("files", "files", "Files to try things out", false),
    ("sealed", "sealed", "The same, encrypted on its way", true),
];
/// Where it listens: this machine only.
const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4450);

/// Where administrators reach it over HTTPS: this machine only, a port that is free.
const DEFAULT_API_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Arguments of `freehold demo`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  freehold demo\n  freehold demo --listen 0.0.0.0:4450\n  freehold demo -o json\n\n\
                        Everything is kept in ./freehold-demo, so that a second run has the same files and shares; its\n\
                        password is new each time. Ctrl-C stops it. Remove the folder to be rid of all of it."
)]
pub(super) struct DemoArgs {
    /// Form of what is printed once the server is ready
    #[arg(short = 'o', long = "output", value_enum, default_value_t, value_name = "FORM")]
    output: DemoFormat,
    /// Folder of the demo
    #[arg(long, value_name = "FOLDER", default_value = "freehold-demo")]
    dir: PathBuf,
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS", default_value_t = DEFAULT_ADDRESS, value_parser = address)]
    listen: SocketAddr,
    /// Address for administration over HTTPS; without a port the system chooses one
    #[arg(long, value_name = "ADDRESS", default_value_t = DEFAULT_API_ADDRESS, value_parser = api_address)]
    api_listen: SocketAddr,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum DemoFormat {
    /// Lines to paste
    #[default]
    Text,
    /// One line of JSON
    Json,
}

fn api_address(text: &str) -> Result<SocketAddr, String> {
    config::parse_address(text, 0).ok_or_else(|| "expected an address such as 127.0.0.1:8445".to_owned())
}

fn address(text: &str) -> Result<SocketAddr, String> {
    config::parse_address(text, DEFAULT_ADDRESS.port())
        .ok_or_else(|| "expected an address such as 127.0.0.1:4450".to_owned())
}

/// What `-o json` prints.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Ready<'a> {
    address: String,
    port: u16,
    user: &'a str,
    password: &'a str,
    shares: Vec<&'a str>,
}

pub(super) fn run(arguments: &DemoArgs) -> anyhow::Result<()> {
    let folder = target::absolute(&arguments.dir)?;
    let volume = folder.join("volume");
    std::fs::create_dir_all(&volume).with_context(|| format!("cannot make {}", volume.display()))?;
    let file = folder.join("freehold.toml");
    std::fs::write(&file, configuration(arguments.listen, arguments.api_listen))
        .with_context(|| format!("cannot write {}", file.display()))?;
    let config = Config::load(&file)?;
    logging::start(&config.log)?;
    let state = State::open(&config.state_dir).map_err(|error| match error {
        StateError::InUse { .. } => {
            anyhow::anyhow!("a demo runs already in {}: stop it, or choose another --dir", folder.display())
        }
        other => other.into(),
    })?;
    state.set_volumes(config.volumes.clone());
    let state = Arc::new(state);
    let password = prepare(&AdminService::new(Arc::clone(&state)))?;
    let output = arguments.output;
    serve::run_server(config, state, move |ready| announce(output, &ready, &password, &file))
}

/// The demo's configuration. It is written anew by each run.
fn configuration(listen: SocketAddr, api: SocketAddr) -> String {
    format!(
        "# Written by `freehold demo` at each start: copy it before you change it.\n\
         [server]\n\
         listen = [\"{listen}\"]\n\
         state_dir = \"state\"\n\
         comment = \"Freehold demo\"\n\
         \n\
         [api]\n\
         listen = [\"{api}\"]\n\
         \n\
         [volumes.{VOLUME}]\n\
         path = \"volume\"\n\
         label = \"Freehold demo\"\n\
         \n\
         [log]\n\
         level = \"warn\"\n"
    )
}

/// Makes the account and the shares, or gives the account that is there a new password.
fn prepare(service: &AdminService) -> anyhow::Result<Password> {
    let password = password::generate()?;
    let Reply::Users(users) = call(service, Request::UserList)? else {
        anyhow::bail!("the accounts cannot be listed");
    };
    if users.iter().any(|user| user.name == USER) {
        call(
            service,
            Request::UserSet {
                name: USER.to_owned(),
                password: Some(password.clone()),
                disabled: Some(false),
                full_name: None,
                comment: None,
            },
        )?;
        let member = USER.to_owned();
        call(service, Request::GroupAddMember { name: "Administrators".to_owned(), member })?;
    } else {
        call(
            service,
            Request::UserAdd {
                name: USER.to_owned(),
                password: password.clone(),
                full_name: "Freehold demo".to_owned(),
                comment: String::new(),
                disabled: false,
                groups: vec!["Administrators".to_owned()],
            },
        )?;
    }
    let Reply::Shares(present) = call(service, Request::ShareList)? else {
        anyhow::bail!("the shares cannot be listed");
    };
    for (name, path, comment, encrypt) in SHARES {
        if present.iter().any(|share| share.name == name) {
            // The folder may have been removed since; naming the path again makes it.
            let settings = ShareOptions { path: Some(path.to_owned()), ..ShareOptions::default() };
            call(service, Request::ShareSet { name: name.to_owned(), volume: None, settings })?;
            continue;
        }
        let settings = ShareOptions {
            path: Some(path.to_owned()),
            description: Some(comment.to_owned()),
            encrypt_data: Some(encrypt),
            ..ShareOptions::default()
        };
        call(service, Request::ShareAdd { name: name.to_owned(), volume: VOLUME.to_owned(), settings })?;
    }
    Ok(password)
}

fn call(service: &AdminService, request: Request) -> anyhow::Result<Reply> {
    match service.execute(request) {
        Reply::Refused { message } => Err(anyhow::anyhow!(message)),
        reply => Ok(reply),
    }
}

fn announce(output: DemoFormat, at: &server::Ready, password: &Password, config: &Path) {
    let address = at.smb;
    let (api, fingerprint) = match &at.api {
        Some((address, fingerprint)) => {
            (SocketAddr::new(host(*address), address.port()).to_string(), fingerprint.as_str())
        }
        None => (String::new(), ""),
    };
    let text = match output {
        DemoFormat::Json => {
            let ready = Ready {
                address: host(address).to_string(),
                port: address.port(),
                user: USER,
                password: password.expose(),
                shares: SHARES.iter().map(|(name, ..)| *name).collect(),
            };
            serde_json::to_string(&ready).unwrap_or_default()
        }
        DemoFormat::Text => instructions(address, password.expose(), config, (&api, fingerprint)),
    };
    super::say(&text);
}

/// Where a client on this machine connects to.
fn host(address: SocketAddr) -> IpAddr {
    match address.ip() {
        ip if ip.is_unspecified() && ip.is_ipv6() => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
        ip if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        ip => ip,
    }
}

/// The lines to paste.
fn instructions(
    address: SocketAddr,
    password: &str,
    config: &Path,
    (api, fingerprint): (&str, &str),
) -> String {
    let (host, port) = (host(address), address.port());
    // UNC paths cannot hold colons: Windows has a spelling for IPv6 addresses, the others take them as they are.
    let unc = match host {
        IpAddr::V6(ip) => format!("{}.ipv6-literal.net", ip.to_string().replace(':', "-")),
        IpAddr::V4(ip) => ip.to_string(),
    };
    let share = SHARES[0].0;
    format!(
        "Freehold is ready on {address}.\n\
         \n\
         User      {USER} (an administrator of this server)\n\
         Password  {password}\n\
         Shares    {shares}\n\
         \n\
         smbclient:\n\
         \x20 smbclient //{host}/{share} -p {port} -U '{USER}%{password}'\n\
         Linux:\n\
         \x20 sudo mount -t cifs //{host}/{share} /mnt -o port={port},username={USER},password={password},uid=$(id -u)\n\
         Windows 11 24H2 or Server 2025 (PowerShell; listen on an address that it reaches with --listen):\n\
         \x20 New-SmbMapping -LocalPath Z: -RemotePath \\\\{unc}\\{share} -TcpPort {port} -UserName {USER} -Password {password}\n\
         Administration, from another terminal:\n\
         \x20 {program} share list --config {config}\n\
         and over HTTPS (SHA-256 of the certificate: {fingerprint}):\n\
         \x20 curl --insecure --ntlm -u '{USER}:{password}' https://{api}/v1/shares\n\
         \n\
         Ctrl-C stops it.",
        shares = SHARES.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", "),
        program = std::env::args().next().unwrap_or_else(|| "freehold".to_owned()),
        config = config.display(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_has_no_mistakes() {
        for address in ["127.0.0.1:4450", "[::1]:4450"] {
            let text = configuration(address.parse().unwrap(), DEFAULT_API_ADDRESS);
            let config = Config::parse(&text, Path::new("/demo"), "host").unwrap();
            assert_eq!(config.listen, [address.parse().unwrap()]);
            assert_eq!(config.state_dir, Path::new("/demo/state"));
        }
    }

    #[test]
    fn a_second_run_keeps_the_shares_and_sets_a_new_password() {
        let folder = tempfile::tempdir().unwrap();
        let config =
            Config::parse(&configuration(DEFAULT_ADDRESS, DEFAULT_API_ADDRESS), folder.path(), "host")
                .unwrap();
        std::fs::create_dir(&config.volumes[0].path).unwrap();
        let mut seen = Vec::new();
        for _ in 0..2 {
            let state = Arc::new(State::open(&config.state_dir).unwrap());
            state.set_volumes(config.volumes.clone());
            let password = prepare(&AdminService::new(Arc::clone(&state))).unwrap();
            let accounts = state.accounts();
            let account = accounts.account(USER).unwrap();
            assert!(account.is_administrator());
            assert_eq!(account.nt_hash.as_bytes(), crate::auth::nt_hash(password.expose()).as_bytes());
            assert_eq!(state.shares().all().len(), 2);
            assert!(folder.path().join("volume/files").is_dir());
            seen.push((account.sid, password.expose().to_owned()));
            std::fs::remove_dir(folder.path().join("volume/files")).unwrap();
        }
        assert_eq!(seen[0].0, seen[1].0);
        assert_ne!(seen[0].1, seen[1].1);
    }

    #[test]
    fn the_json_line_has_the_promised_properties() {
        let ready = Ready {
            address: "127.0.0.1".to_owned(),
            port: 4450,
            user: "u",
            password: "p",
            shares: vec!["a"],
        };
        assert_eq!(
            serde_json::to_string(&ready).unwrap(),
            "{\"Address\":\"127.0.0.1\",\"Port\":4450,\"User\":\"u\",\"Password\":\"p\",\"Shares\":[\"a\"]}"
        );
    }

    #[test]
    fn the_lines_to_paste_name_a_host_that_can_be_reached() {
        let text = instructions(
            "0.0.0.0:4450".parse().unwrap(),
            "Secret",
            Path::new("/d/freehold.toml"),
            ("127.0.0.1:1", "AB"),
        );
        assert!(text.contains("smbclient //127.0.0.1/files -p 4450 -U 'demo%Secret'"), "{text}");
        assert!(text.contains("-RemotePath \\\\127.0.0.1\\files -TcpPort 4450"), "{text}");
        let text = instructions(
            "[::1]:4450".parse().unwrap(),
            "Secret",
            Path::new("/d/freehold.toml"),
            ("127.0.0.1:1", "AB"),
        );
        assert!(text.contains("\\\\--1.ipv6-literal.net\\files"), "{text}");
    }
}
