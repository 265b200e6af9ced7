//! From where to where traffic is sent.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::api::{AuthConfig, Remote, RemoteBackend, Scheme};
use crate::engine::configuration::Configuration;
use crate::engine::units::HostPort;

/// What stands for the workspace in a path.
pub(super) const WORKSPACE: &str = "$workspace";
/// What stands for the model in a path.
const MODEL: &str = "$model";
/// The path of a model's own endpoint on Beamlit.
const BEAMLIT_PREFIX: &str = "/$workspace/models/$model";
/// What authentication adds to every request.
const AUTHORIZATION: &str = "Authorization";

/// Whose backend it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// The object's own.
    Own,
    /// The operator's configuration names it for objects that have none.
    Configured,
    /// The model's own endpoint on Beamlit.
    Beamlit,
}

/// Where the traffic of this model goes.
pub(super) fn remote(
    own: Option<&RemoteBackend>,
    model: &str,
    environment: &str,
    configuration: &Configuration,
) -> (Remote, Backend) {
    let (backend, whose) = match (own, &configuration.default_remote_backend) {
        (Some(own), _) => (own, Backend::Own),
        (None, Some(default)) => (default, Backend::Configured),
        (None, None) => return (beamlit(model, environment, configuration), Backend::Beamlit),
    };
    let RemoteBackend { host: text, scheme, path_prefix, headers_to_add, auth_config } = backend;
    let parsed = HostPort::parse(text).ok();
    let is_beamlit = parsed.as_ref().is_some_and(|parsed| parsed.host == configuration.beamlit_host);
    let remote = Remote {
        scheme: *scheme,
        host: parsed.map_or_else(|| text.clone(), |parsed| parsed.to_string()),
        path_prefix: filled(path_prefix.as_deref().unwrap_or_default(), model, configuration),
        query: if is_beamlit { query(environment) } else { String::new() },
        headers: headers(headers_to_add.as_ref(), auth_config.as_ref()),
    };
    (remote, whose)
}

fn beamlit(model: &str, environment: &str, configuration: &Configuration) -> Remote {
    Remote {
        scheme: Scheme::Https,
        host: configuration.beamlit_host.to_string(),
        path_prefix: filled(BEAMLIT_PREFIX, model, configuration),
        query: query(environment),
        // Beamlit's token is the operator's own.
        headers: vec![AUTHORIZATION.to_owned()],
    }
}

/// The environment is always passed on, so that nothing meant for `development` reaches `production`.
fn query(environment: &str) -> String {
    format!("environment={environment}")
}

/// The workspace stays open where only the operator's credentials imply it.
fn filled(prefix: &str, model: &str, configuration: &Configuration) -> String {
    let with_model = prefix.replace(MODEL, &segment(model));
    match &configuration.workspace {
        Some(workspace) => with_model.replace(WORKSPACE, &segment(workspace)),
        None => with_model,
    }
}

/// A text as one segment of a path (RFC 3986): what is no `pchar` is percent-encoded.
fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            b'!' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':' | b'@' => {
                out.push(char::from(byte))
            }
            _ => _ = write!(out, "%{byte:02X}"),
        }
    }
    out
}

/// Names alone: values may be credentials.
fn headers(to_add: Option<&BTreeMap<String, String>>, auth: Option<&AuthConfig>) -> Vec<String> {
    let mut names: Vec<String> = to_add.iter().flat_map(|headers| headers.keys().cloned()).collect();
    if auth.is_some() {
        names.push(AUTHORIZATION.to_owned());
        names.sort_unstable();
    }
    names
}

/// The backend in one text, as the annotations of the Service carry it: `https://run.beamlit.com/w/models/m`.
pub(super) fn url(remote: &Remote) -> String {
    let Remote { scheme, host, path_prefix, query: _, headers: _ } = remote;
    let scheme = match scheme {
        Scheme::Http => "http",
        Scheme::Https => "https",
    };
    format!("{scheme}://{host}{path_prefix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_one_segment_of_the_path() {
        let configuration = Configuration { workspace: Some("team $model".into()), ..Configuration::default() };
        for (model, path) in [
            ("my-model", "/team%20%24model/models/my-model"),
            ("Modell-ä", "/team%20%24model/models/Modell-%C3%A4"),
            ("$workspace", "/team%20%24model/models/%24workspace"),
            ("a:b@c", "/team%20%24model/models/a:b@c"),
        ] {
            assert_eq!(filled(BEAMLIT_PREFIX, model, &configuration), path);
        }
        assert_eq!(filled(BEAMLIT_PREFIX, "m", &Configuration::default()), "/$workspace/models/m");
        assert_eq!(filled("", "m", &Configuration::default()), "");
    }
}
