//! The client of Beamlit's API, and who owns what there.
//!
//! Inside: `error`, `json` ← `stored`, `owner` ← `found` ← `wish`; `settings`, `credentials` ← `circuit`, `answer` ← `token` ← `call` ←
//! `client` ← `mirror`.

mod answer;
mod call;
mod circuit;
mod client;
mod credentials;
mod error;
mod found;
mod json;
mod mirror;
mod owner;
mod settings;
mod stored;
mod token;
mod wish;

pub use self::client::Client;
pub use self::credentials::Credentials;
pub use self::error::Error;
pub use self::mirror::Mirror;
pub use self::owner::{Origin, Owner, Ownership};
pub use self::settings::{BASE, Pace, Settings};
pub use self::stored::{Applied, Change, Key, Released, Stored};
