//! RFC 4120 3.2.3 Receipt of KRB_AP_REQ Message, [MS-KILE] 3.4.5: verifies a ticket and who sends it, and says who that is.
//!
//! ```text
//! AwaitApReq --AP-REQ--> Finished
//!     |   '----AP-REQ, DCE style--> AwaitThirdLeg --AP-REP--> Finished
//!     '--refused, the first time: KRB-ERROR--> AwaitApReq
//! ```
//!
//! The order matters: nothing in a ticket counts before it was decrypted with a key of this server, nothing in an authenticator
//! before it was decrypted with the ticket's key, and nothing in a PAC before its signature was checked. What is unsigned (the
//! ticket's service name, the options) can only lead to a refusal or to more being asked.

use std::sync::Arc;
use std::time::Duration;

use freehold_dtyp::FileTime;
use zeroize::Zeroizing;

use super::crypto::{EncryptionKey, usage};
use super::error::KerberosError;
use super::gss::{self, Frame, GssChecksum, MicKeys};
use super::key::{EncryptionType, ServiceKey};
use super::messages::{
    self, ApReq, Authenticator, EncApRepPart, EncTicketPart, PrincipalName, TicketError, authorization_data,
};
use super::names::ServiceNames;
use super::pac;
use super::replay::{ReplayCache, Seen};
use crate::auth::der::DerError;
use crate::auth::{AuthError, Authorization, ChannelBinding, Identity, LogonKind, Mechanism};
use crate::crypto::SessionKey;

/// RFC 4120 7.2... 8.2: how far clocks may be apart; [MS-KILE] 3.4.1 keeps five minutes too.
pub const MAX_CLOCK_SKEW: Duration = Duration::from_secs(300);

/// Refused AP-REQs after which the client may send another: one, to correct its clock or to get itself a new ticket.
const RETRIES: u8 = 1;

/// Keys of one type that are tried on a ticket whose kvno is not known: the current one, a pending one, and sixteen earlier ones.
const KEYS_LIMIT: usize = 18;

/// RFC 4120 5.2.6.1 AD-IF-RELEVANT.
const AD_IF_RELEVANT: i64 = 1;
/// RFC 4120 5.2.6.4 AD-MANDATORY-FOR-KDC: nothing for servers.
const AD_MANDATORY_FOR_KDC: i64 = 8;
/// [MS-PAC] 2.2... AD-WIN2K-PAC.
const AD_WIN2K_PAC: i64 = 128;

/// [MS-KILE] 2.2.2 KERB-ERROR-DATA with KERB_AP_ERR_TYPE_SKEW_RECOVERY: the client may try again with the time of the error.
const SKEW_RECOVERY: &[u8] = &[0x30, 0x05, 0xa1, 0x03, 0x02, 0x01, 0x02];

/// What this server is in its domain, for tickets.
#[derive(Clone, Debug)]
pub struct KerberosConfig {
    /// The realm, in upper case.
    pub realm: String,
    /// Names that tickets may be for.
    pub names: ServiceNames,
    /// The keys of the server's account.
    pub keys: Vec<ServiceKey>,
    /// Takes tickets and keys of RC4-HMAC.
    pub allow_rc4: bool,
    /// Authenticators that were used. Keep it when the configuration changes.
    pub replays: Arc<ReplayCache>,
}

/// Random bytes for one exchange; used once.
#[derive(Clone)]
pub struct Randomness {
    sub_key: Zeroizing<[u8; 32]>,
    confounder: [u8; 16],
    sequence_number: [u8; 4],
}

impl Randomness {
    /// Bytes that are needed.
    pub const SIZE: usize = 52;

    /// From random bytes.
    #[must_use]
    pub fn new(bytes: &[u8; Self::SIZE]) -> Self {
        let mut randomness =
            Randomness { sub_key: Zeroizing::new([0; 32]), confounder: [0; 16], sequence_number: [0; 4] };
        let mut source = bytes.iter();
        let places = randomness.sub_key.iter_mut().chain(&mut randomness.confounder);
        for (place, byte) in places.chain(&mut randomness.sequence_number).zip(source.by_ref()) {
            *place = *byte;
        }
        randomness
    }
}

/// One exchange.
pub(in crate::auth) struct KerberosAcceptor {
    config: Arc<KerberosConfig>,
    channel_binding: ChannelBinding,
    now: FileTime,
    randomness: Randomness,
    mechanism: Mechanism,
    state: State,
}

enum State {
    AwaitApReq { refused: u8 },
    AwaitThirdLeg(Box<ThirdLeg>),
    Finished,
}

/// A DCE-style exchange whose client must still show that it read the AP-REP.
struct ThirdLeg {
    session_key: EncryptionKey,
    sequence_number: u32,
    context: KerberosContext,
}

/// What comes of a token.
pub(in crate::auth) enum KerberosStep {
    /// Send this and wait for the next token.
    Continue(Vec<u8>),
    /// The client is refused, is to be told with this token, and may try again.
    TryAgain(Vec<u8>, AuthError),
    /// Somebody is logged on; the token, which may be empty, is for the client.
    Authenticated(Box<KerberosContext>, Vec<u8>),
    Failed(AuthError),
}

/// A finished exchange.
pub(in crate::auth) struct KerberosContext {
    pub(in crate::auth) identity: Identity,
    pub(in crate::auth) session_key: SessionKey,
    pub(in crate::auth) authorization: Box<Authorization>,
    pub(in crate::auth) expires: FileTime,
    pub(in crate::auth) mic: MicKeys,
}

/// A ticket and its authenticator that were found to be good.
struct Verified {
    session_key: EncryptionKey,
    sub_key: Option<EncryptionKey>,
    client_realm: String,
    authorization: Authorization,
    checksum: GssChecksum,
    /// ctime and cusec, as they go back.
    seconds: FileTime,
    microseconds: i64,
    sequence_number: u32,
    expires: FileTime,
}

impl KerberosAcceptor {
    pub(in crate::auth) fn new(
        config: Arc<KerberosConfig>,
        channel_binding: ChannelBinding,
        now: FileTime,
        randomness: Randomness,
        mechanism: Mechanism,
    ) -> Self {
        let state = State::AwaitApReq { refused: 0 };
        KerberosAcceptor { config, channel_binding, now, randomness, mechanism, state }
    }

    pub(in crate::auth) fn step(&mut self, token: &[u8]) -> KerberosStep {
        match core::mem::replace(&mut self.state, State::Finished) {
            State::AwaitApReq { refused } => self.first_leg(token, refused),
            State::AwaitThirdLeg(leg) => third_leg(*leg, token),
            State::Finished => KerberosStep::Failed(AuthError::InvalidToken),
        }
    }

    fn first_leg(&mut self, token: &[u8], refused: u8) -> KerberosStep {
        let Ok((frame, message)) = gss::ap_req(token) else {
            return KerberosStep::Failed(AuthError::InvalidToken);
        };
        let Ok(request) = ApReq::decode(message) else {
            return KerberosStep::Failed(AuthError::InvalidToken);
        };
        let verified = match self.verify(&request) {
            Ok(verified) => verified,
            Err(error) if refused < RETRIES => {
                self.state = State::AwaitApReq { refused: refused.saturating_add(1) };
                let error_token = frame.error(&self.error(error, &request.server));
                return KerberosStep::TryAgain(error_token, AuthError::Kerberos(error));
            }
            Err(error) => return KerberosStep::Failed(AuthError::Kerberos(error)),
        };
        if let Err(error) = verified.checksum.check_binding(self.channel_binding) {
            return KerberosStep::Failed(error);
        }
        self.reply(frame, &request, verified)
    }

    /// KRB-ERROR, RFC 4120 5.9.1.
    fn error(&self, error: KerberosError, server: &PrincipalName) -> Vec<u8> {
        let data = (error == KerberosError::ClockSkew).then_some(SKEW_RECOVERY);
        messages::encode_error(error.code(), self.now, &self.config.realm, server, data)
    }

    /// RFC 4120 3.2.3, from the service's name to the PAC.
    fn verify(&self, request: &ApReq<'_>) -> Result<Verified, KerberosError> {
        if request.use_session_key {
            return Err(KerberosError::UserToUser);
        }
        if !request.realm.eq_ignore_ascii_case(&self.config.realm)
            || !self.config.names.include(&request.server)
        {
            return Err(KerberosError::WrongPrincipal);
        }
        let (key, plain) = self.open_ticket(request)?;
        let ticket = EncTicketPart::decode(&plain)?;
        self.allow(ticket.key.encryption_type())?;
        let plain = ticket
            .key
            .decrypt(usage::AP_REQ_AUTHENTICATOR, request.authenticator.cipher)
            .map_err(|_| KerberosError::Authenticator)?;
        let authenticator = Authenticator::decode(&plain)?;
        if let Some(sub_key) = &authenticator.sub_key {
            self.allow(sub_key.encryption_type())?;
        }
        if authenticator.client_realm != ticket.client_realm
            || authenticator.client.components != ticket.client.components
        {
            return Err(KerberosError::ClientMismatch);
        }
        let expires = self.check_times(&ticket, &authenticator)?;
        let checksum = GssChecksum::decode(authenticator.checksum)?;
        // The last check that can refuse an honest client comes before its authenticator counts as used.
        let pac = find_pac(ticket.authorization_data)?.ok_or(KerberosError::PacMissing)?;
        let of_ticket = pac::Ticket { key: &key, client: &ticket.client, auth_time: ticket.auth_time };
        let authorization = pac::authorization(pac, &of_ticket)?;
        let oldest = earlier(self.now);
        match self.config.replays.insert(request.authenticator.cipher, authenticator.time(), oldest) {
            Seen::New => {}
            Seen::Before => return Err(KerberosError::Replay),
            Seen::Full => return Err(KerberosError::Busy),
        }
        Ok(Verified {
            session_key: ticket.key,
            client_realm: ticket.client_realm,
            authorization,
            checksum,
            seconds: authenticator.seconds,
            microseconds: authenticator.microseconds,
            sequence_number: authenticator.sequence_number,
            sub_key: authenticator.sub_key,
            expires,
        })
    }

    fn allow(&self, encryption_type: EncryptionType) -> Result<(), KerberosError> {
        if encryption_type == EncryptionType::RC4_HMAC && !self.config.allow_rc4 {
            return Err(KerberosError::EncryptionType);
        }
        Ok(())
    }

    /// Decrypts the ticket with the key of its kvno, else with another of its type: the kvno may be missing, and a read-only
    /// domain controller's has its number in the upper half.
    fn open_ticket(&self, request: &ApReq<'_>) -> Result<(EncryptionKey, Zeroizing<Vec<u8>>), KerberosError> {
        let wanted = request.ticket.encryption_type;
        self.allow(wanted)?;
        let usable = |key: &&ServiceKey| {
            key.encryption_type == wanted && key.not_after.is_none_or(|end| self.now <= end)
        };
        let named = |key: &&ServiceKey| request.ticket.kvno == Some(key.kvno);
        let keys = self.config.keys.iter().filter(usable);
        let in_order = keys.clone().filter(named).chain(keys.clone().filter(|key| !named(key)));
        let mut known = false;
        for service_key in in_order.take(KEYS_LIMIT) {
            let Some(key) = EncryptionKey::new(wanted, &service_key.key) else { continue };
            known = true;
            if let Ok(plain) = key.decrypt(usage::TICKET, request.ticket.cipher) {
                return Ok((key, plain));
            }
        }
        Err(if known { KerberosError::Key } else { KerberosError::EncryptionType })
    }

    /// RFC 4120 3.2.3: the authenticator's time, the ticket's start and its end, each with the skew allowed. Returns when the
    /// logon ends: with the ticket, by the clock of whoever of the two is later, so that a client whose clock is behind is not
    /// cut off while its ticket is good by its own time.
    fn check_times(
        &self,
        ticket: &EncTicketPart<'_>,
        authenticator: &Authenticator<'_>,
    ) -> Result<FileTime, KerberosError> {
        let time = authenticator.time();
        let skew = self.now.0.abs_diff(time.0);
        if skew > skew_100ns() {
            return Err(KerberosError::ClockSkew);
        }
        let start = ticket.start_time.unwrap_or(ticket.auth_time);
        if ticket.invalid || start > self.now.saturating_add(MAX_CLOCK_SKEW) {
            return Err(KerberosError::TicketNotYetValid);
        }
        let left_for_client = ticket.end_time.0.saturating_sub(time.0);
        let expires = FileTime(ticket.end_time.0.max(self.now.0.saturating_add(left_for_client)));
        if expires <= self.now { Err(KerberosError::TicketExpired) } else { Ok(expires) }
    }

    /// RFC 4120 3.2.4 KRB_AP_REP generation, and what the context's keys are.
    fn reply(&mut self, frame: Frame, request: &ApReq<'_>, verified: Verified) -> KerberosStep {
        let dce_style = verified.checksum.is_dce_style();
        let mutual = request.mutual_required || verified.checksum.wants_mutual() || dce_style;
        let initiator = verified.sub_key.as_ref().unwrap_or(&verified.session_key);
        let acceptor = if mutual { initiator.generate_alike(&*self.randomness.sub_key) } else { None };
        // RFC 4121 4.2.4... without AP-REP both sides count from the client's number.
        let sequence_number = if mutual {
            u32::from_le_bytes(self.randomness.sequence_number) >> 2
        } else {
            verified.sequence_number
        };
        let key = acceptor.as_ref().unwrap_or(initiator);
        let context = KerberosContext {
            identity: Identity {
                user: verified.authorization.account_name.clone(),
                domain: verified.authorization.domain_name.clone(),
                workstation: String::new(),
                kind: LogonKind::User,
                mechanism: self.mechanism,
                target_name: Some(request.server.joined()),
                target_name_untrusted: false,
            },
            session_key: SessionKey::new(key.as_bytes()),
            authorization: Box::new(verified.authorization),
            expires: verified.expires,
            mic: MicKeys { acceptor: acceptor.clone(), initiator: initiator.clone(), sequence_number },
        };
        tracing::debug!(realm = verified.client_realm, mutual, dce_style, "a ticket was accepted");
        if !mutual {
            return KerberosStep::Authenticated(Box::new(context), Vec::new());
        }
        let part = EncApRepPart {
            seconds: verified.seconds,
            microseconds: verified.microseconds,
            sub_key: acceptor,
            sequence_number: Some(sequence_number),
        };
        let plain = Zeroizing::new(part.encode());
        let cipher = verified.session_key.encrypt(usage::AP_REP, &self.randomness.confounder, &plain);
        let message = messages::encode_ap_rep(verified.session_key.encryption_type(), &cipher);
        if dce_style {
            self.state = State::AwaitThirdLeg(Box::new(ThirdLeg {
                session_key: verified.session_key,
                sequence_number,
                context,
            }));
            return KerberosStep::Continue(Frame::Bare.ap_rep(&message));
        }
        KerberosStep::Authenticated(Box::new(context), frame.ap_rep(&message))
    }
}

/// [MS-KILE] 3.4.5.1 Three-Leg DCE-Style Mutual Authentication: an AP-REP of the client with our sequence number.
fn third_leg(leg: ThirdLeg, token: &[u8]) -> KerberosStep {
    let read = || -> Result<u32, AuthError> {
        let (encryption_type, cipher) =
            messages::decode_ap_rep(token).map_err(|_| AuthError::InvalidToken)?;
        if encryption_type != leg.session_key.encryption_type() {
            return Err(AuthError::InvalidToken);
        }
        let altered = AuthError::MessageAltered;
        let plain = leg.session_key.decrypt(usage::AP_REP, cipher).map_err(|_| altered)?;
        EncApRepPart::decode(&plain).map_err(|_| AuthError::InvalidToken)?.sequence_number.ok_or(altered)
    };
    match read() {
        Ok(number) if number == leg.sequence_number => {
            KerberosStep::Authenticated(Box::new(leg.context), Vec::new())
        }
        Ok(_) => KerberosStep::Failed(AuthError::MessageAltered),
        Err(error) => KerberosStep::Failed(error),
    }
}

/// The PAC among a ticket's authorization data: in the first AD-IF-RELEVANT that has one. Other types are restrictions that must be
/// understood (RFC 4120 5.2.6): such a ticket is refused, as by Windows. What is in AD-IF-RELEVANT need not be.
fn find_pac(data: Option<&[u8]>) -> Result<Option<&[u8]>, KerberosError> {
    let Some(data) = data else { return Ok(None) };
    let mut found = None;
    for element in authorization_data(data) {
        match element? {
            (AD_IF_RELEVANT, content) if found.is_none() => {
                for element in authorization_data(content) {
                    if let (AD_WIN2K_PAC, pac) = element? {
                        found = Some(pac);
                        break;
                    }
                }
            }
            (AD_IF_RELEVANT | AD_MANDATORY_FOR_KDC, _) => {}
            _ => return Err(KerberosError::AuthorizationData),
        }
    }
    Ok(found)
}

fn skew_100ns() -> u64 {
    FileTime::ZERO.saturating_add(MAX_CLOCK_SKEW).0
}

/// The oldest time that an authenticator may have.
fn earlier(now: FileTime) -> FileTime {
    FileTime(now.0.saturating_sub(skew_100ns()))
}

impl From<DerError> for KerberosError {
    fn from(_: DerError) -> Self {
        KerberosError::Malformed
    }
}

impl From<TicketError> for KerberosError {
    fn from(error: TicketError) -> Self {
        match error {
            TicketError::Malformed => KerberosError::Malformed,
            TicketError::EncryptionType => KerberosError::EncryptionType,
        }
    }
}
