//! Requests and answers about the tokens of the HTTPS door. Names of fields are for scripts: they never change.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::protocol::Password;

/// What can be asked about tokens.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "Verb", rename_all_fields = "PascalCase", deny_unknown_fields)]
pub enum TokenRequest {
    /// Makes a token. Its secret is told once, in the answer.
    Add {
        /// Its name.
        name: String,
        /// Names of scopes, such as `shares:read`; at least one.
        scopes: Vec<String>,
        /// Days until it expires, from 1 to 3,650; `None` for never.
        expires_in_days: Option<u32>,
    },
    /// Removes a token; requests with it are refused from then on.
    Remove {
        /// Its name.
        name: String,
    },
    /// Lists the tokens.
    List,
}

/// A token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct TokenRow {
    /// Name.
    pub name: String,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// When it was made (ISO 8601, UTC).
    pub created: String,
    /// When it stops to be good (ISO 8601, UTC); empty for never.
    pub expires: String,
    /// It is past its time.
    pub expired: bool,
    /// When it was used last, to the minute (ISO 8601, UTC); empty for never.
    pub last_used: String,
}

/// A token that was made.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct NewTokenRow {
    /// The token.
    pub token: TokenRow,
    /// What goes behind `Authorization: Bearer`. The server does not keep it.
    pub secret: Password,
}

/// Answers to a [`TokenRequest`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum TokenReply {
    /// Of Add.
    Added(Box<NewTokenRow>),
    /// Of List.
    Tokens(Vec<TokenRow>),
}
