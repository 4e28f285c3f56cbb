//! serde forms: readable ones with PascalCase names for JSON and TOML, and the self-relative bytes for binary formats.
//!
//! A descriptor in JSON is `{"Owner":"S-1-5-32-544","Group":null,"Control":["DaclProtected"],"Dacl":[{"Type":
//! "AccessAllowed","Flags":["ObjectInherit"],"Mask":2032127,"Sid":"S-1-1-0"}]}`. A null list is `null`, an absent one is
//! left out. The revision of a list follows from its entries. Use [`sddl`] with `#[serde(with)]` for the text form.

use crate::{
    AccessMask, Ace, AceFlags, AceType, Acl, AclPart, Control, Group, IntegrityLevel, ObjectTypes,
    Privileges, SecurityDescriptor, SecurityInformation, Token, TokenClaims,
};
use freehold_dtyp::{Decode, Encode, Guid, Sid};
use serde::de::{Error as _, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;

/// Names of bits, for sets that are written as lists of names.
type Names<N> = &'static [(&'static str, N)];

const CONTROL: Names<u16> = &[
    ("OwnerDefaulted", Control::OWNER_DEFAULTED.0),
    ("GroupDefaulted", Control::GROUP_DEFAULTED.0),
    ("DaclDefaulted", Control::DACL_DEFAULTED.0),
    ("SaclDefaulted", Control::SACL_DEFAULTED.0),
    ("DaclTrusted", Control::DACL_TRUSTED.0),
    ("ServerSecurity", Control::SERVER_SECURITY.0),
    ("DaclAutoInheritReq", Control::DACL_AUTO_INHERIT_REQ.0),
    ("SaclAutoInheritReq", Control::SACL_AUTO_INHERIT_REQ.0),
    ("DaclAutoInherited", Control::DACL_AUTO_INHERITED.0),
    ("SaclAutoInherited", Control::SACL_AUTO_INHERITED.0),
    ("DaclProtected", Control::DACL_PROTECTED.0),
    ("SaclProtected", Control::SACL_PROTECTED.0),
    ("RmControlValid", Control::RM_CONTROL_VALID.0),
    ("DaclPresent", Control::DACL_PRESENT.0),
    ("SaclPresent", Control::SACL_PRESENT.0),
    ("SelfRelative", Control::SELF_RELATIVE.0),
];

const ACE_FLAGS: Names<u8> = &[
    ("ObjectInherit", AceFlags::OBJECT_INHERIT.0),
    ("ContainerInherit", AceFlags::CONTAINER_INHERIT.0),
    ("NoPropagateInherit", AceFlags::NO_PROPAGATE_INHERIT.0),
    ("InheritOnly", AceFlags::INHERIT_ONLY.0),
    ("Inherited", AceFlags::INHERITED.0),
    ("Critical", AceFlags::CRITICAL.0),
    ("SuccessfulAccess", AceFlags::SUCCESSFUL_ACCESS.0),
    ("FailedAccess", AceFlags::FAILED_ACCESS.0),
];

const ACE_TYPES: Names<u8> = &[
    ("AccessAllowed", AceType::ACCESS_ALLOWED.0),
    ("AccessDenied", AceType::ACCESS_DENIED.0),
    ("SystemAudit", AceType::SYSTEM_AUDIT.0),
    ("SystemAlarm", AceType::SYSTEM_ALARM.0),
    ("AccessAllowedCompound", AceType::ACCESS_ALLOWED_COMPOUND.0),
    ("AccessAllowedObject", AceType::ACCESS_ALLOWED_OBJECT.0),
    ("AccessDeniedObject", AceType::ACCESS_DENIED_OBJECT.0),
    ("SystemAuditObject", AceType::SYSTEM_AUDIT_OBJECT.0),
    ("SystemAlarmObject", AceType::SYSTEM_ALARM_OBJECT.0),
    ("AccessAllowedCallback", AceType::ACCESS_ALLOWED_CALLBACK.0),
    ("AccessDeniedCallback", AceType::ACCESS_DENIED_CALLBACK.0),
    ("AccessAllowedCallbackObject", AceType::ACCESS_ALLOWED_CALLBACK_OBJECT.0),
    ("AccessDeniedCallbackObject", AceType::ACCESS_DENIED_CALLBACK_OBJECT.0),
    ("SystemAuditCallback", AceType::SYSTEM_AUDIT_CALLBACK.0),
    ("SystemAlarmCallback", AceType::SYSTEM_ALARM_CALLBACK.0),
    ("SystemAuditCallbackObject", AceType::SYSTEM_AUDIT_CALLBACK_OBJECT.0),
    ("SystemAlarmCallbackObject", AceType::SYSTEM_ALARM_CALLBACK_OBJECT.0),
    ("SystemMandatoryLabel", AceType::SYSTEM_MANDATORY_LABEL.0),
    ("SystemResourceAttribute", AceType::SYSTEM_RESOURCE_ATTRIBUTE.0),
    ("SystemScopedPolicyId", AceType::SYSTEM_SCOPED_POLICY_ID.0),
    ("SystemProcessTrustLabel", AceType::SYSTEM_PROCESS_TRUST_LABEL.0),
    ("SystemAccessFilter", AceType::SYSTEM_ACCESS_FILTER.0),
];

/// Gives a bit set, all of whose bits have names, a list of names as its serde form.
macro_rules! named_bits {
    ($name:ident, $number:ty, $names:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if !serializer.is_human_readable() {
                    return self.0.serialize(serializer);
                }
                serializer
                    .collect_seq($names.iter().filter(|(_, bit)| self.0 & bit != 0).map(|(name, _)| name))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Bits;

                impl<'de> Visitor<'de> for Bits {
                    type Value = $name;

                    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                        f.write_str(concat!("a list of names of ", stringify!($name)))
                    }

                    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<$name, A::Error> {
                        let mut bits = $name::EMPTY;
                        while let Some(name) = list.next_element::<Cow<'de, str>>()? {
                            let found = $names.iter().find(|(other, _)| *other == name);
                            let (_, bit) = found
                                .ok_or_else(|| A::Error::invalid_value(Unexpected::Str(&name), &self))?;
                            bits |= $name(*bit);
                        }
                        Ok(bits)
                    }
                }

                if deserializer.is_human_readable() {
                    deserializer.deserialize_seq(Bits)
                } else {
                    <$number>::deserialize(deserializer).map($name)
                }
            }
        }
    };
}

named_bits!(Control, u16, CONTROL);
named_bits!(AceFlags, u8, ACE_FLAGS);

impl Serialize for SecurityInformation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SecurityInformation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u32::deserialize(deserializer).map(SecurityInformation)
    }
}

impl Serialize for AceType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return self.0.serialize(serializer);
        }
        match ACE_TYPES.iter().find(|(_, other)| *other == self.0) {
            Some((name, _)) => serializer.serialize_str(name),
            None => serializer.collect_str(&format_args!("0x{:02x}", self.0)),
        }
    }
}

impl<'de> Deserialize<'de> for AceType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return u8::deserialize(deserializer).map(AceType);
        }
        let name = <Cow<'de, str>>::deserialize(deserializer)?;
        if let Some((_, ace_type)) = ACE_TYPES.iter().find(|(other, _)| *other == name) {
            return Ok(AceType(*ace_type));
        }
        let digits = name.strip_prefix("0x").filter(|digits| !digits.starts_with('+'));
        let number = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let expected = "a type of ACE such as AccessAllowed, or 0x and its number";
        number.map(AceType).ok_or_else(|| D::Error::invalid_value(Unexpected::Str(&name), &expected))
    }
}

/// A GUID as text.
struct GuidText(Guid);

impl Serialize for GuidText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for GuidText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Cow<'de, str>>::deserialize(deserializer)?;
        let expected = "a GUID such as bf967aba-0de6-11d0-a285-00aa003049e2";
        crate::guid_text::parse(&text)
            .map(GuidText)
            .ok_or_else(|| D::Error::invalid_value(Unexpected::Str(&text), &expected))
    }
}

/// Bytes as hexadecimal digits.
#[derive(Default)]
struct Hex<'a>(Cow<'a, [u8]>);

impl Hex<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Hex<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Digits<'a>(&'a [u8]);

        impl core::fmt::Display for Digits<'_> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        serializer.collect_str(&Digits(&self.0))
    }
}

impl<'de> Deserialize<'de> for Hex<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Cow<'de, str>>::deserialize(deserializer)?;
        let invalid =
            || D::Error::invalid_value(Unexpected::Str(&text), &"an even number of hexadecimal digits");
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return Err(invalid()) };
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
        let byte = |[high, low]: &[u8; 2]| Some(digit(*high)? << 4 | digit(*low)?);
        let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
        bytes.map(|bytes| Hex(Cow::Owned(bytes))).ok_or_else(invalid)
    }
}

/// The readable form of an ACE.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct AceForm<'a> {
    r#type: AceType,
    #[serde(default)]
    flags: AceFlags,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mask: Option<AccessMask>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<Sid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    object_type: Option<GuidText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inherited_object_type: Option<GuidText>,
    #[serde(default, skip_serializing_if = "Hex::is_empty", borrow)]
    data: Hex<'a>,
}

impl Serialize for Ace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return serializer.serialize_bytes(&self.to_bytes());
        }
        let known = self.ace_type().is_known();
        let types = self.object_types().copied().unwrap_or_default();
        let form = AceForm {
            r#type: self.ace_type(),
            flags: self.flags(),
            mask: known.then(|| self.mask()),
            sid: known.then(|| *self.sid()),
            object_type: types.object_type.map(GuidText),
            inherited_object_type: types.inherited_object_type.map(GuidText),
            data: Hex(Cow::Borrowed(self.data())),
        };
        form.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Ace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return wire_form(deserializer);
        }
        let form = AceForm::deserialize(deserializer)?;
        let has_guids = form.object_type.is_some() || form.inherited_object_type.is_some();
        if has_guids && !form.r#type.is_object() {
            return Err(D::Error::custom("only object ACEs have an ObjectType or InheritedObjectType"));
        }
        let types = ObjectTypes::new(
            form.object_type.map(|guid| guid.0),
            form.inherited_object_type.map(|guid| guid.0),
        );
        let data = form.data.0;
        let too_long = || D::Error::custom("the data of the ACE is too long, or no multiple of 4");
        if !form.r#type.is_known() {
            return Ace::opaque(form.r#type, form.flags, &data).ok_or_else(too_long);
        }
        let mask = form.mask.ok_or_else(|| D::Error::missing_field("Mask"))?;
        let sid = form.sid.ok_or_else(|| D::Error::missing_field("Sid"))?;
        Ace::new(form.r#type, form.flags, mask, sid)
            .or_else(|| Ace::object(form.r#type, form.flags, mask, types, sid))
            .and_then(|ace| ace.with_data(data.into_owned()))
            .ok_or_else(too_long)
    }
}

/// Reads bytes and decodes them.
fn wire_form<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: for<'a> Decode<'a>,
    D: Deserializer<'de>,
{
    struct Bytes;

    impl Visitor<'_> for Bytes {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
            f.write_str("the bytes of a structure of MS-DTYP")
        }

        fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }

        fn visit_byte_buf<E: serde::de::Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
            Ok(bytes)
        }
    }

    let bytes = deserializer.deserialize_byte_buf(Bytes)?;
    T::from_bytes(&bytes).map_err(D::Error::custom)
}

impl Serialize for Acl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return serializer.serialize_bytes(&self.to_bytes());
        }
        serializer.collect_seq(self.aces())
    }
}

impl<'de> Deserialize<'de> for Acl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Aces;

        impl<'de> Visitor<'de> for Aces {
            type Value = Acl;

            fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str("a list of ACEs")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Acl, A::Error> {
                let mut acl = Acl::new();
                while let Some(ace) = list.next_element::<Ace>()? {
                    acl.push(ace).map_err(A::Error::custom)?;
                }
                Ok(acl)
            }
        }

        if deserializer.is_human_readable() {
            deserializer.deserialize_seq(Aces)
        } else {
            wire_form(deserializer)
        }
    }
}

/// A list that may be absent (the field is left out), null or there.
#[derive(Serialize)]
#[serde(transparent)]
struct PartForm<'a>(Option<Option<Cow<'a, Acl>>>);

impl PartForm<'_> {
    fn is_absent(&self) -> bool {
        self.0.is_none()
    }

    fn absent() -> Self {
        PartForm(None)
    }
}

impl<'a> From<&'a AclPart> for PartForm<'a> {
    fn from(part: &'a AclPart) -> Self {
        PartForm(part.is_present().then(|| part.acl().map(Cow::Borrowed)))
    }
}

impl From<PartForm<'_>> for AclPart {
    fn from(form: PartForm<'_>) -> Self {
        match form.0 {
            None => AclPart::Absent,
            Some(None) => AclPart::Null,
            Some(Some(acl)) => AclPart::Present(acl.into_owned()),
        }
    }
}

impl<'de> Deserialize<'de> for PartForm<'_> {
    /// Called only when the field is there: `null` is a null list.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let acl = Option::<Acl>::deserialize(deserializer)?;
        Ok(PartForm(Some(acl.map(Cow::Owned))))
    }
}

/// The readable form of a descriptor.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DescriptorForm<'a> {
    owner: Option<Sid>,
    group: Option<Sid>,
    #[serde(default)]
    control: Control,
    #[serde(default, skip_serializing_if = "is_zero")]
    rm_control: u8,
    #[serde(default = "PartForm::absent", skip_serializing_if = "PartForm::is_absent", borrow)]
    dacl: PartForm<'a>,
    #[serde(default = "PartForm::absent", skip_serializing_if = "PartForm::is_absent", borrow)]
    sacl: PartForm<'a>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // the signature is serde's
const fn is_zero(value: &u8) -> bool {
    *value == 0
}

impl Serialize for SecurityDescriptor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return serializer.serialize_bytes(&self.to_bytes());
        }
        let form = DescriptorForm {
            owner: self.owner,
            group: self.group,
            control: self.control.without(Control::DERIVED),
            rm_control: self.rm_control,
            dacl: (&self.dacl).into(),
            sacl: (&self.sacl).into(),
        };
        form.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SecurityDescriptor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return wire_form(deserializer);
        }
        let form = DescriptorForm::deserialize(deserializer)?;
        let descriptor = SecurityDescriptor {
            control: form.control.without(Control::DERIVED),
            rm_control: form.rm_control,
            owner: form.owner,
            group: form.group,
            dacl: form.dacl.into(),
            sacl: form.sacl.into(),
        };
        if descriptor.size() > SecurityDescriptor::MAX_SIZE {
            return Err(D::Error::custom("the security descriptor is longer than 64 KiB"));
        }
        Ok(descriptor)
    }
}

/// For `#[serde(with = "freehold_acl::serde_sddl")]`: a descriptor as its text in the Security Descriptor Description
/// Language.
pub mod sddl {
    use super::{Cow, Deserialize, Deserializer, SecurityDescriptor, Serializer};
    use serde::de::Error as _;

    /// Writes the text.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(
        descriptor: &SecurityDescriptor,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&descriptor.to_sddl())
    }

    /// Reads the text.
    ///
    /// # Errors
    /// Those of the deserializer, and a text that is no descriptor.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecurityDescriptor, D::Error> {
        let text = <Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// The form of a token.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct TokenForm {
    user: Sid,
    owner: Sid,
    primary_group: Sid,
    default_dacl: Option<Acl>,
    privileges: Privileges,
    integrity_level: IntegrityLevel,
    groups: Vec<Group>,
    #[serde(default, skip_serializing_if = "TokenClaims::is_empty")]
    claims: TokenClaims,
}

impl Serialize for Token {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let form = TokenForm {
            user: *self.user(),
            owner: *self.owner(),
            primary_group: *self.primary_group(),
            default_dacl: self.default_dacl().cloned(),
            privileges: self.privileges(),
            integrity_level: self.integrity_level(),
            groups: self.members().iter().filter(|member| member.sid != *self.user()).copied().collect(),
            claims: self.claims().cloned().unwrap_or_default(),
        };
        form.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let form = TokenForm::deserialize(deserializer)?;
        let builder = Token::builder(form.user)
            .owner(form.owner)
            .primary_group(form.primary_group)
            .privileges(form.privileges)
            .integrity_level(form.integrity_level)
            .claims(form.claims);
        let builder = form.groups.into_iter().fold(builder, crate::TokenBuilder::group_with);
        Ok(match form.default_dacl {
            Some(dacl) => builder.default_dacl(dacl).build(),
            None => builder.build(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::descriptor;
    use proptest::prelude::*;

    fn json(text: &str) -> serde_json::Result<SecurityDescriptor> {
        serde_json::from_str(text)
    }

    #[test]
    fn a_descriptor_in_json_has_the_documented_form() {
        let descriptor: SecurityDescriptor =
            "O:BAD:P(A;OI;FA;;;WD)(OD;;CC;bf967aba-0de6-11d0-a285-00aa003049e2;;SY)(0x80;;;;;;#01020304)"
                .parse()
                .unwrap();
        let text = concat!(
            r#"{"Owner":"S-1-5-32-544","Group":null,"Control":["DaclProtected"],"Dacl":["#,
            r#"{"Type":"AccessAllowed","Flags":["ObjectInherit"],"Mask":2032127,"Sid":"S-1-1-0"},"#,
            r#"{"Type":"AccessDeniedObject","Flags":[],"Mask":1,"Sid":"S-1-5-18","#,
            r#""ObjectType":"bf967aba-0de6-11d0-a285-00aa003049e2"},"#,
            r#"{"Type":"0x80","Flags":[],"Data":"01020304"}]}"#,
        );
        assert_eq!(serde_json::to_string(&descriptor).unwrap(), text);
        assert_eq!(json(text).unwrap(), descriptor);
    }

    #[test]
    fn null_empty_and_absent_lists_are_told_apart() {
        let dacl = |text: &str| json(text).unwrap().dacl;
        assert_eq!(dacl(r#"{"Owner":null,"Group":null}"#), AclPart::Absent);
        assert_eq!(dacl(r#"{"Owner":null,"Group":null,"Dacl":null}"#), AclPart::Null);
        assert_eq!(dacl(r#"{"Owner":null,"Group":null,"Dacl":[]}"#), AclPart::Present(Acl::new()));
    }

    #[test]
    fn what_does_not_fit_is_refused_with_a_reason() {
        let refused = |ace: &str, reason: &str| {
            let error =
                json(&format!(r#"{{"Owner":null,"Group":null,"Dacl":[{ace}]}}"#)).unwrap_err().to_string();
            assert!(error.contains(reason), "{ace}: {error}");
        };
        refused(r#"{"Type":"AccessAllowed","Mask":1}"#, "Sid");
        refused(r#"{"Type":"AccessAllowed","Sid":"S-1-1-0"}"#, "Mask");
        refused(r#"{"Type":"Allow","Mask":1,"Sid":"S-1-1-0"}"#, "AccessAllowed");
        refused(r#"{"Type":"AccessAllowed","Flags":["Inherit"],"Mask":1,"Sid":"S-1-1-0"}"#, "AceFlags");
        refused(r#"{"Type":"AccessAllowed","Mask":1,"Sid":"S-1-1-0","Data":"0"}"#, "hexadecimal");
        refused(r#"{"Type":"AccessAllowed","Mask":1,"Sid":"S-1-1-0","Extra":1}"#, "Extra");
        refused(r#"{"Type":"0x80","Data":"00"}"#, "multiple of 4");
        let guid = "bf967aba-0de6-11d0-a285-00aa003049e2";
        refused(
            &format!(r#"{{"Type":"AccessAllowed","Mask":1,"Sid":"S-1-1-0","ObjectType":"{guid}"}}"#),
            "object",
        );
    }

    #[test]
    fn the_text_form_is_one_string() {
        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        struct Share {
            #[serde(with = "sddl")]
            security: SecurityDescriptor,
        }
        let share = Share { security: "D:(A;;FA;;;WD)".parse().unwrap() };
        let text = r#"{"security":"D:(A;;FA;;;WD)"}"#;
        assert_eq!(serde_json::to_string(&share).unwrap(), text);
        assert_eq!(serde_json::from_str::<Share>(text).unwrap(), share);
        let error = serde_json::from_str::<Share>(r#"{"security":"D:("}"#).unwrap_err();
        assert!(error.to_string().contains("type of entry"), "{error}");
    }

    proptest! {
        #[test]
        fn every_descriptor_round_trips_through_json(descriptor in descriptor()) {
            let text = serde_json::to_string(&descriptor).unwrap();
            prop_assert_eq!(json(&text).unwrap(), descriptor.clone());
            let value = serde_json::to_value(&descriptor).unwrap();
            prop_assert_eq!(serde_json::from_value::<SecurityDescriptor>(value).unwrap(), descriptor);
        }
    }
}
