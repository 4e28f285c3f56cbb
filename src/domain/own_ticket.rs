//! A ticket of the computer for itself, taken by the same acceptor as clients' tickets: the proof that keys, key version, names and
//! clocks fit together, from the domain controller's side to the client's.

use std::sync::Arc;
use std::time::SystemTime;

use freehold_dtyp::FileTime;

use super::error::DomainError;
use super::kdc::{Credentials, Initiator};
use super::keys::KeyError;
use super::locator::DomainController;
use crate::auth::kerberos::{KerberosConfig, ReplayCache, ServiceKey, ServiceNames};
use crate::auth::{AcceptStep, Acceptor, AcceptorConfig, AcceptorRandomness};

/// Gets a ticket for `cifs/host` and takes it with `keys`.
///
/// # Errors
/// The KDC's, and [`DomainError::Refused`] when the ticket is not taken.
pub(super) async fn check(
    dc: &Arc<DomainController>,
    machine: &Credentials,
    host: &str,
    keys: &[ServiceKey],
) -> Result<String, DomainError> {
    let service = format!("cifs/{host}");
    let (_initiator, token) = Initiator::start(dc, machine, &service).await?;
    let kerberos = KerberosConfig {
        realm: machine.realm(),
        names: ServiceNames::new([host], machine.account()),
        keys: keys.to_vec(),
        allow_rc4: false,
        replays: Arc::new(ReplayCache::default()),
    };
    let config = AcceptorConfig { kerberos: Some(Arc::new(kerberos)), ..AcceptorConfig::default() };
    let mut random = [0; AcceptorRandomness::SIZE];
    aws_lc_rs::rand::fill(&mut random).map_err(|_| KeyError::Random)?;
    let now = FileTime::from_system_time(SystemTime::now());
    match Acceptor::new(Arc::new(config), now, AcceptorRandomness::new(&random)).step(&token) {
        AcceptStep::Done(_) => Ok(service),
        AcceptStep::Failed(error) | AcceptStep::TryAgain(_, error) => Err(DomainError::Refused(format!(
            "a ticket of {} for {service} is not taken by this server ({error}): its keys are not those that the domain has of the account",
            dc.host
        ))),
        AcceptStep::Continue(_) | AcceptStep::NeedAccount(_) => {
            Err(DomainError::Refused(format!("a ticket of {} for {service} is no ticket", dc.host)))
        }
    }
}
