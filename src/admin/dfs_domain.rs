//! What requests do about namespaces that the directory of the domain keeps: a running server makes the changes there.

use freehold_dfs::{Kind, Namespace, Target};
use zeroize::Zeroizing;

use super::domain_protocol::DomainLogon;
use super::service::AdminService;
use crate::domain::{DfsDirectoryError, Logon};
use crate::state::{DeclaredStep, DfsEdit, DirectoryChange, Membership};

impl AdminService {
    /// Makes changes of namespaces where these are kept: in the state, all of them or none, or in the directory, one after the
    /// other, as `logon` if one is given.
    pub(super) fn commit_dfs(&self, edits: &[DfsEdit], logon: Option<DomainLogon>) -> anyhow::Result<()> {
        let in_directory = edits.iter().filter(|edit| self.is_of_directory(edit)).count();
        if in_directory == 0 {
            anyhow::ensure!(logon.is_none(), "--user is for namespaces of the domain: leave it out");
            return Ok(self.state().edit_dfs(edits)?);
        }
        anyhow::ensure!(
            in_directory == edits.len(),
            "some of the namespaces are of the domain and some are not: change them one after the other"
        );
        if let [DfsEdit::RemoveNamespace { name }] = edits
            && self.is_left_over(name)
        {
            let gone = DirectoryChange::NamespaceGone { name: name.clone() };
            self.state().follow_directory(&[gone])?;
            return Ok(());
        }
        let domain = self.running("a change of a namespace of the domain")?.domain();
        let runtime = tokio::runtime::Handle::try_current()?;
        let edits = edits.to_vec();
        let logon = logon.map(|logon| Logon {
            user: logon.user,
            password: Zeroizing::new(logon.password.expose().to_owned()),
        });
        // The work waits for the network and for the state's disk. Who does not wait any more does not stop it.
        let working = runtime
            .clone()
            .spawn_blocking(move || runtime.block_on(async { domain.edit_namespaces(&edits, logon).await }));
        let done = tokio::runtime::Handle::try_current()?.block_on(working);
        match done.map_err(|_| anyhow::anyhow!("it failed inside of the server; see its log"))? {
            // What it says is about the namespace, wherever that is kept.
            Err(DfsDirectoryError::State(error)) => Err(error.into()),
            outcome => Ok(outcome?),
        }
    }

    /// Makes a namespace of the domain, or this server a root target of one that is there; `steps` make its share.
    pub(super) fn add_domain_namespace(
        &self,
        namespace: Namespace,
        steps: &[DeclaredStep],
        logon: Option<DomainLogon>,
    ) -> anyhow::Result<()> {
        self.running("a change of a namespace of the domain")?;
        if !steps.is_empty() {
            self.state().change_all(steps)?;
        }
        let name = namespace.name.clone();
        let added = self.commit_dfs(&[DfsEdit::AddNamespace(namespace)], logon);
        if added.is_err() && !steps.is_empty() {
            // What was made for the namespace goes with it; should it stay, the next try says that it is there.
            let _ = self.state().remove_share(&name);
        }
        added
    }

    /// The directory keeps the namespace, or will.
    fn is_of_directory(&self, edit: &DfsEdit) -> bool {
        let of_directory = |namespace: &Namespace| matches!(namespace.kind, Kind::DomainBased { .. });
        match edit {
            DfsEdit::AddNamespace(namespace) => of_directory(namespace),
            DfsEdit::AddRootTarget(_) => true,
            other => {
                let namespaces = self.state().namespaces();
                namespaces.namespace(other.namespace()).is_some_and(|index| of_directory(index.namespace()))
            }
        }
    }

    /// The namespace is of a domain that this server has left: there is no directory to ask.
    fn is_left_over(&self, name: &str) -> bool {
        let namespaces = self.state().namespaces();
        let kind = namespaces.namespace(name).map(|index| index.namespace().kind.clone());
        let present = self.state().membership().map(|membership| membership.dns_domain.clone());
        matches!(kind, Some(Kind::DomainBased { domain }) if Some(&domain) != present.as_ref())
    }

    /// The kind of a new namespace, and this server as its root target.
    pub(super) fn kind_of_new(
        &self,
        name: &str,
        domain: bool,
    ) -> Result<(Kind, Vec<Target>), DfsDirectoryError> {
        if !domain {
            return Ok((Kind::StandAlone, Vec::new()));
        }
        let membership = self.state().membership().ok_or(DfsDirectoryError::NotMember)?;
        Ok(domain_root(&membership, name))
    }
}

/// The kind of a namespace of the domain, and this server as a target of its root.
#[must_use]
pub fn domain_root(membership: &Membership, name: &str) -> (Kind, Vec<Target>) {
    let kind = Kind::DomainBased { domain: membership.dns_domain.clone() };
    (kind, vec![Target::new(membership.dns_host_name.to_lowercase(), name, "")])
}

/// `\\server\namespace`, or `\\domain\namespace`.
pub(super) fn root_path(server: &str, namespace: &Namespace) -> String {
    let server = match &namespace.kind {
        Kind::StandAlone => server,
        Kind::DomainBased { domain } => domain,
    };
    format!("\\\\{server}\\{}", namespace.name)
}

/// Where the root is.
pub(super) fn root_targets(server: &str, namespace: &Namespace) -> Vec<String> {
    match namespace.targets.as_slice() {
        [] => vec![format!("\\\\{server}\\{}", namespace.name)],
        targets => targets.iter().map(Target::unc).collect(),
    }
}

/// As Windows' `Get-DfsnRoot` names it.
pub(super) const fn type_of(namespace: &Namespace) -> &'static str {
    match namespace.kind {
        Kind::StandAlone => "Standalone",
        Kind::DomainBased { .. } => "Domain V2",
    }
}
