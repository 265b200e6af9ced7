//! No secret is ever told: two objects that differ in nothing but their secrets get the same findings.

use std::borrow::Cow;

use beamlit_operator::engine::parse::{Node, Value};
use beamlit_operator::engine::{Kind, Reading};

use crate::findings::{judge, texts};

const BACKEND: [&str; 3] = ["spec", "offloadingConfig", "remoteBackend"];

/// Puts one secret after the other in the places that have them.
pub(crate) fn are_not_told(kind: Kind, object: &Node<'_>) {
    let told = ["hunter2-hunter2-hunter2", "hunter3-hunter3-hunter3"].map(|secret| {
        let mut object = object.clone();
        if !put(&mut object, secret) {
            return Vec::new();
        }
        let told = texts(judge(kind, &object, Reading::File).list());
        assert!(!told.iter().any(|text| text.contains(secret)), "a secret is told: {told:#?}");
        told
    });
    assert_eq!(told[0], told[1]);
}

/// Whether there is a place for a secret.
fn put<'a>(object: &mut Node<'a>, secret: &'static str) -> bool {
    let Some(backend) = BACKEND.into_iter().try_fold(object, |node, key| node.get_mut(key)) else { return false };
    let value = || Value::Text(Cow::Borrowed(secret));
    let mut found = false;
    if let Some(headers) = backend.get_mut("headersToAdd")
        && let Value::Map(members) = &mut headers.value
    {
        for member in members.iter_mut().filter(|member| member.value.text().is_some()) {
            member.value.value = value();
            found = true;
        }
    }
    let oauth = ["authConfig", "oauthConfig", "clientSecret"];
    if let Some(node) = oauth.into_iter().try_fold(backend, |node, key| node.get_mut(key))
        && node.text().is_some()
    {
        node.value = value();
        found = true;
    }
    found
}
