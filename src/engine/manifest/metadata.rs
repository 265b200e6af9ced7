//! `metadata`, judged as the API server judges that of a custom resource on creation
//! (`k8s.io/apimachinery/pkg/api/validation/objectmeta.go`).

use std::cmp::Ordering;
use std::sync::LazyLock;

use k8s_openapi::jiff::Timestamp;

use super::{field, required, text, wrong_type};
use crate::engine::finding::rules::{OB001, OB005, OB010, OB011, OB012, OB013, OB014, OB015, OB016};
use crate::engine::finding::{At, Finding, Findings, Rule, Segment};
use crate::engine::parse::{Node, Value};
use crate::engine::schema::Shape;
use crate::engine::units::names;
use crate::engine::validate;

/// What nobody judges: the server writes it, and `kubectl get -o yaml` prints it.
const UNJUDGED: [&str; 4] = ["uid", "resourceVersion", "creationTimestamp", "managedFields"];

/// How many bytes all annotations may have, keys and values together.
const MAX_ANNOTATIONS: usize = 256 << 10;

/// The fields of `metadata`, in the order in which findings are told.
static OBJECT_META: LazyLock<Shape> = LazyLock::new(|| {
    let owner = Shape::Object(vec![
        field("apiVersion", true, text(1)),
        field("kind", true, text(1)),
        field("name", true, text(1)),
        field("uid", true, text(1)),
        field("controller", false, Shape::Boolean),
        field("blockOwnerDeletion", false, Shape::Boolean),
    ]);
    let number = || Shape::Integer { min: i64::MIN, max: i64::MAX };
    Shape::Object(vec![
        field("name", false, text(0)),
        field("generateName", false, text(0)),
        field("namespace", false, text(0)),
        field("labels", false, Shape::Texts),
        field("annotations", false, Shape::Texts),
        field("finalizers", false, Shape::List { item: Box::new(text(0)), min: 0 }),
        field("ownerReferences", false, Shape::List { item: Box::new(owner), min: 0 }),
        field("generation", false, number()),
        field("selfLink", false, text(0)),
        field("deletionTimestamp", false, text(0)),
        field("deletionGracePeriodSeconds", false, number()),
        field("uid", false, text(0)),
        field("resourceVersion", false, text(0)),
        field("creationTimestamp", false, text(0)),
        field("managedFields", false, text(0)),
    ])
});

pub(super) fn judge(out: &mut Findings, object: &Node<'_>) {
    let root = At::root();
    let at = root.field("metadata");
    match object.get("metadata") {
        None => out.add(required(&at.field("name"), NAME_REQUIRED)),
        Some(node) if !node.is_map() => out.add(wrong_type(&at, node, "a map")),
        Some(node) => {
            let mut found = Findings::default();
            validate::shaped(&mut found, &at, node, &OBJECT_META);
            let unjudged = |finding: &Finding| matches!(finding.path.0.get(1), Some(Segment::Field(name)) if UNJUDGED.contains(&name.as_ref()));
            found.retain(|finding| !unjudged(finding));
            out.append(found);
            name(out, &at, node);
            namespace(out, &at, node);
            labels(out, &at, node);
            annotations(out, &at, node);
            finalizers(out, &at, node);
            owner_references(out, &at, node);
            deletion(out, &at, node);
        }
    }
}

/// The order of two findings within `metadata`; anything else is left as it is.
pub(super) fn compare(a: &Finding, b: &Finding) -> Ordering {
    let rank = |finding: &Finding| match finding.path.0.as_slice() {
        [Segment::Field(top), Segment::Field(name), ..] if top.as_ref() == "metadata" => {
            let fields = OBJECT_META.fields();
            Some(fields.iter().position(|field| field.name == name.as_ref()).unwrap_or(fields.len()))
        }
        _ => None,
    };
    rank(a).zip(rank(b)).map_or(Ordering::Equal, |(a, b)| a.cmp(&b))
}

const NAME_REQUIRED: &str = "name or generateName is required";

fn name(out: &mut Findings, at: &At<'_>, metadata: &Node<'_>) {
    let prefix = metadata.text_of("generateName").unwrap_or_default();
    // A suffix is added, so that a hyphen may stand at the end.
    let masked = match prefix.strip_suffix('-') {
        Some(rest) if !rest.is_empty() => format!("{}a", rest.get(..rest.len() - 1).unwrap_or(rest)),
        _ => prefix.to_owned(),
    };
    match metadata.get("name") {
        Some(Node { value: Value::Text(name), .. }) if !name.is_empty() => {
            form(out, &OB010, &at.field("name"), name, names::dns_subdomain);
        }
        Some(Node { value: Value::Text(_), .. }) | None if prefix.is_empty() => {
            out.add(required(&at.field("name"), NAME_REQUIRED));
        }
        _ => {}
    }
    if !prefix.is_empty()
        && let Err(fault) = names::dns_subdomain(&masked)
    {
        out.add(Finding::new(&OB010, &at.field("generateName"), fault).value(prefix));
    }
}

/// Nobody may choose this time, but kubectl must be able to read it.
fn deletion(out: &mut Findings, at: &At<'_>, metadata: &Node<'_>) {
    if let Some(text) = metadata.text_of("deletionTimestamp").filter(|text| !is_time(text)) {
        let at = at.field("deletionTimestamp");
        out.add(Finding::new(&OB001, &at, "must be a time such as 2026-01-31T12:00:00Z").value(text));
    }
}

/// A time of RFC 3339 with seconds, as Go reads it; the parser by itself takes more of ISO 8601.
fn is_time(text: &str) -> bool {
    let byte = |place: usize| text.as_bytes().get(place);
    byte(10) == Some(&b'T') && byte(16) == Some(&b':') && text.parse::<Timestamp>().is_ok()
}

fn namespace(out: &mut Findings, at: &At<'_>, metadata: &Node<'_>) {
    if let Some(text) = metadata.text_of("namespace").filter(|text| !text.is_empty()) {
        form(out, &OB011, &at.field("namespace"), text, names::dns_label);
    }
}

fn labels(out: &mut Findings, at: &At<'_>, metadata: &Node<'_>) {
    let at = at.field("labels");
    for member in metadata.get("labels").map(Node::members).unwrap_or_default() {
        let at = at.key(&member.key);
        form(out, &OB012, &at, &member.key, names::qualified);
        if let Some(value) = member.value.text() {
            form(out, &OB013, &at, value, names::label_value);
        }
    }
}

fn annotations(out: &mut Findings, at: &At<'_>, metadata: &Node<'_>) {
    let at = at.field("annotations");
    let members = metadata.get("annotations").map(Node::members).unwrap_or_default();
    let mut size = std::collections::HashMap::new();
    for member in members {
        // Letter case does not count in the keys of annotations.
        let lower = member.key.to_lowercase();
        if let Err(fault) = names::qualified(&lower) {
            out.add(Finding::new(&OB014, &at.key(&member.key), fault).value(&member.key));
        }
        size.insert(&member.key, member.key.len() + member.value.text().map_or(0, str::len));
    }
    let size: usize = size.values().sum();
    if size > MAX_ANNOTATIONS {
        let message = format!("may not be more than {MAX_ANNOTATIONS} bytes in all, keys and values; there are {size}");
        out.add(Finding::new(&OB005, &at, message));
    }
}

fn finalizers(out: &mut Findings, at: &At<'_>, metadata: &Node<'_>) {
    let at = at.field("finalizers");
    let items = metadata.get("finalizers").map(Node::items).unwrap_or_default();
    for (index, item) in items.iter().enumerate() {
        if let Some(name) = item.text() {
            form(out, &OB015, &at.index(index), name, names::qualified);
        }
    }
    let has = |name: &str| items.iter().any(|item| item.text() == Some(name));
    if has("orphan") && has("foregroundDeletion") {
        out.add(Finding::new(&OB015, &at, "orphan and foregroundDeletion cannot both be set"));
    }
}

fn owner_references(out: &mut Findings, at: &At<'_>, metadata: &Node<'_>) {
    let at = at.field("ownerReferences");
    let mut controllers = 0;
    for (index, owner) in metadata.get("ownerReferences").map(Node::items).unwrap_or_default().iter().enumerate() {
        let at = at.index(index);
        let version = owner.text_of("apiVersion").unwrap_or_default();
        if version.matches('/').count() > 1 || version.ends_with('/') {
            let message = "must be a version, or a group and a version with / between them";
            out.add(Finding::new(&OB016, &at.field("apiVersion"), message).value(version));
        }
        if version == "v1" && owner.text_of("kind") == Some("Event") {
            out.add(Finding::new(&OB016, &at, "an Event cannot own anything"));
        }
        if matches!(owner.get("controller"), Some(Node { value: Value::Bool(true), .. })) {
            controllers += 1;
            if controllers > 1 {
                out.add(Finding::new(&OB016, &at.field("controller"), "only one owner may be the controller"));
            }
        }
    }
}

fn form(out: &mut Findings, rule: &'static Rule, at: &At<'_>, text: &str, form: fn(&str) -> Result<(), String>) {
    if let Err(fault) = form(text) {
        out.add(Finding::new(rule, at, fault).value(text));
    }
}
