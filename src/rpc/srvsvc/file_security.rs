//! [MS-SRVS] 3.1.4.27 NetrpGetFileSecurity, 3.1.4.28 NetrpSetFileSecurity.

use std::sync::Arc;

use freehold_acl::SecurityInformation;
use freehold_dtyp::{Encode, Wtf8Buf};

use super::super::dispatch::Call;
use super::super::fault::Fault;
use super::super::ndr::NdrWriter;
use super::super::task::{Done, FileName, Task, TaskError};
use super::super::win32::Win32;

/// Why a descriptor is not told.
struct Refusal(Win32);

impl From<TaskError> for Refusal {
    fn from(error: TaskError) -> Self {
        Refusal(match error {
            TaskError::NoShare => Win32::NERR_NET_NAME_NOT_FOUND,
            TaskError::NoFile | TaskError::NoFolder => Win32::FILE_NOT_FOUND,
            TaskError::AccessDenied => Win32::ACCESS_DENIED,
            TaskError::Exists | TaskError::Invalid(_) | TaskError::NoSession | TaskError::NoOpenFile => {
                Win32::INVALID_PARAMETER
            }
            TaskError::Unrecorded => Win32::AUDIT_FAILED,
            TaskError::Failed => Win32::GEN_FAILURE,
        })
    }
}

/// NetrpGetFileSecurity: what the caller may read of the descriptor of a file or folder.
pub(super) fn get_file_security(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    super::server_name(&mut call.parameters)?;
    let share = call.parameters.optional("ShareName", |reader| reader.wide_string("ShareName"))?;
    let path = call.parameters.wide_string("lpFileName")?;
    let information = SecurityInformation(call.parameters.u32("RequestedInformation")?);
    let outcome = call.task(|call| {
        if call.cx.is_anonymous() {
            return Err(Refusal(Win32::ACCESS_DENIED));
        }
        Ok(Task::ReadSecurity { file: file_name(call, share.as_ref(), &path)?, information })
    })?;
    let mut writer = NdrWriter::new();
    let status = match outcome {
        Ok(Done::Security(descriptor)) => {
            let bytes = descriptor.to_bytes();
            writer.pointer();
            writer.count(bytes.len());
            writer.pointer();
            writer.count(bytes.len());
            writer.bytes(&bytes);
            Win32::SUCCESS
        }
        // INVARIANT: a read answers with a descriptor.
        Ok(Done::Nothing | Done::Made(_) | Done::Own(_)) => {
            writer.null();
            Win32::GEN_FAILURE
        }
        Err(Refusal(status)) => {
            writer.null();
            status
        }
    };
    writer.u32(status.0);
    Ok(writer)
}

fn file_name(call: &Call<'_, '_>, share: Option<&Wtf8Buf>, path: &Wtf8Buf) -> Result<FileName, Refusal> {
    let missing = || Refusal(Win32::NERR_NET_NAME_NOT_FOUND);
    let share = share.and_then(|share| share.as_wtf8().to_str()).ok_or_else(missing)?;
    let share = call.cx.shares.share(share).ok_or_else(missing)?.name.clone();
    let path = path.as_wtf8().to_str().ok_or(Refusal(Win32::INVALID_NAME))?;
    let components: Vec<&str> = path.split(['\\', '/']).filter(|part| !part.is_empty()).collect();
    if components.iter().any(|part| matches!(*part, "." | "..") || part.contains(['\0', ':'])) {
        return Err(Refusal(Win32::INVALID_NAME));
    }
    Ok(FileName { share, path: components.join("/"), token: Arc::new(call.cx.caller.clone()) })
}

/// NetrpSetFileSecurity. DIFFERS: refused; SET_INFO of an open file does it, with the checks and records that belong to that.
pub(super) fn set_file_security(_call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    Ok(super::status_only(Err(Win32::NOT_SUPPORTED)))
}

#[cfg(test)]
mod tests {
    use freehold_acl::SecurityDescriptor;

    use super::super::super::testing::{Client, Fixture};
    use super::*;

    fn request(share: Option<&str>, path: &str) -> Vec<u8> {
        let mut writer = NdrWriter::new();
        writer.null();
        match share {
            Some(share) => {
                writer.pointer();
                writer.wide_string(share);
            }
            None => writer.null(),
        }
        writer.wide_string(path);
        writer.u32(7);
        writer.into_bytes()
    }

    fn status(stub: &[u8]) -> u32 {
        u32::from_le_bytes(stub[stub.len() - 4..].try_into().unwrap())
    }

    #[test]
    fn a_descriptor_is_read_as_the_caller() {
        let mut fixture = Fixture::new().ordinary_caller();
        let descriptor: SecurityDescriptor = "O:BAG:BAD:(A;;FA;;;BA)".parse().unwrap();
        fixture.done = Ok(Done::Security(Box::new(descriptor.clone())));
        let stub = Client::srvsvc(&fixture).call(39, &request(Some("DATA"), "\\a/b\\c")).unwrap();
        let bytes = descriptor.to_bytes();
        assert_eq!(stub[4..8], u32::try_from(bytes.len()).unwrap().to_le_bytes());
        assert_eq!(stub[16..16 + bytes.len()], bytes);
        assert_eq!(status(&stub), 0);
        let tasks = fixture.tasks();
        let [Task::ReadSecurity { file, information }] = tasks.as_slice() else { panic!("{tasks:?}") };
        assert_eq!((file.share.as_str(), file.path.as_str(), information.0), ("Data", "a/b/c", 7));
        assert_eq!(file.token.user(), fixture.context().caller.user());
    }

    #[test]
    fn what_is_not_there_or_not_allowed_is_told() {
        let fixture = Fixture::new();
        let mut client = Client::srvsvc(&fixture);
        for (share, path, expected) in [
            (Some("nothing"), "\\", 2310),
            (None, "\\", 2310),
            (Some("data"), "..\\x", 123),
            (Some("data"), "x:y", 123),
        ] {
            assert_eq!(
                client.call(39, &request(share, path)).unwrap(),
                [[0; 4], u32::to_le_bytes(expected)].concat()
            );
        }
        for (error, expected) in
            [(TaskError::NoFile, 2), (TaskError::AccessDenied, 5), (TaskError::Failed, 31)]
        {
            let mut fixture = Fixture::new();
            fixture.done = Err(error);
            let stub = Client::srvsvc(&fixture).call(39, &request(Some("data"), "x")).unwrap();
            assert_eq!(status(&stub), expected);
        }
        let fixture = Fixture::new().anonymous_caller();
        assert_eq!(status(&Client::srvsvc(&fixture).call(39, &request(Some("data"), "x")).unwrap()), 5);
        assert_eq!(client.call(40, &[0; 40]).unwrap(), 50u32.to_le_bytes());
    }
}
