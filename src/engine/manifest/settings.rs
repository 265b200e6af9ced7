//! Values that are tried out: written into a ModelDeployment before it is judged, so that they are judged and compiled as any other.

use crate::engine::finding::quoted;
use crate::engine::parse::{Mark, Member, Node, Value};

/// Where paths begin, but for those that begin with [`METRICS`].
const BEHAVIOR: [&str; 3] = ["spec", "offloadingConfig", "behavior"];
/// Metrics stand beside the behaviour.
const METRICS: &str = "metrics";
/// Short for the target of the first metric.
const TARGET: &str = "target";
/// Where a source of metrics has its target.
const SOURCES: [&str; 5] = ["resource", "containerResource", "pods", "object", "external"];
/// The fields of a target that have a value, the one that is looked for first coming first.
const TARGETS: [&str; 3] = ["averageUtilization", "averageValue", "value"];

/// A value, and the field of `offloadingConfig.behavior` that it is written into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    path: Vec<String>,
    value: String,
}

impl Setting {
    /// Reads `FIELD=VALUE`: `percentage=30`, `scaleDown.tolerance=0.2`, `metrics.0.resource.target.averageUtilization=80`, and `target=80` for
    /// the target of the first metric.
    ///
    /// # Errors
    /// If it has not this form. What the value is worth is judged with the object.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (path, value) = text.split_once('=').unwrap_or_default();
        let path: Vec<String> = path.trim().split('.').map(|key| key.trim().to_owned()).collect();
        if path.iter().any(String::is_empty) {
            return Err(format!("{} is not FIELD=VALUE, such as strategy=Proportional", quoted(text)));
        }
        Ok(Self { path, value: value.trim().to_owned() })
    }

    /// Writes it into an object.
    pub(super) fn apply(&self, object: &mut Node<'_>) {
        let value = match self.value.parse::<i64>() {
            Ok(number) => Value::Int(number),
            Err(_) => Value::Text(self.value.clone().into()),
        };
        let path = self.path.iter().map(String::as_str);
        let place = match self.path.first().map(String::as_str) {
            Some(TARGET) if self.path.len() == 1 => target(object),
            Some(METRICS) => descend(object, BEHAVIOR.into_iter().take(2).chain(path)),
            _ => descend(object, BEHAVIOR.into_iter().chain(path)),
        };
        if let Some(place) = place {
            place.value = value;
        }
    }
}

/// As it was written, but for white space.
impl std::fmt::Display for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.path.join("."), self.value)
    }
}

/// The place at the end of a path, made if need be. What is in its way goes: the judge says what is wrong then.
fn descend<'n, 'a, 'p>(node: &'n mut Node<'a>, path: impl IntoIterator<Item = &'p str>) -> Option<&'n mut Node<'a>> {
    path.into_iter().try_fold(node, |node, key| match key.parse::<usize>() {
        Ok(index) => item(node, index),
        Err(_) => member(node, key),
    })
}

fn member<'n, 'a>(node: &'n mut Node<'a>, key: &str) -> Option<&'n mut Node<'a>> {
    if !node.is_map() {
        node.value = Value::Map(Vec::new());
    }
    let Value::Map(members) = &mut node.value else { return None };
    // Of several members of one name the last counts.
    let at = members.iter().rposition(|member| member.key == key).unwrap_or_else(|| {
        members.push(Member { key: key.to_owned().into(), key_at: Mark::default(), value: Node::default() });
        members.len() - 1
    });
    members.get_mut(at).map(|member| &mut member.value)
}

/// The item of that number, or a new one at the end.
fn item<'n, 'a>(node: &'n mut Node<'a>, index: usize) -> Option<&'n mut Node<'a>> {
    if !matches!(node.value, Value::List(_)) {
        node.value = Value::List(Vec::new());
    }
    let Value::List(items) = &mut node.value else { return None };
    if index >= items.len() {
        items.push(Node::default());
    }
    let last = items.len() - 1;
    items.get_mut(index.min(last))
}

/// The value of the target of the first metric; none if it has none.
fn target<'n, 'a>(object: &'n mut Node<'a>) -> Option<&'n mut Node<'a>> {
    let metrics = object.get_mut("spec")?.get_mut("offloadingConfig")?.get_mut(METRICS)?;
    let Value::List(items) = &mut metrics.value else { return None };
    let metric = items.first_mut()?;
    let source = SOURCES.into_iter().find(|source| metric.get(source).is_some())?;
    let target = metric.get_mut(source)?.get_mut("target")?;
    let field = TARGETS.into_iter().find(|field| target.get(field).is_some())?;
    target.get_mut(field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::parse::documents;

    const MANIFEST: &str = "\
spec:
  offloadingConfig:
    behavior:
      percentage: 50
    metrics:
    - resource: {name: cpu, target: {averageUtilization: 90}}
";

    fn set(settings: &[&str]) -> Node<'static> {
        let mut object = documents(MANIFEST.as_bytes()).next().unwrap().content.unwrap();
        for setting in settings {
            Setting::parse(setting).unwrap().apply(&mut object);
        }
        object
    }

    #[test]
    fn fields_are_changed_and_made() {
        let object = set(&["percentage=30", "strategy = Proportional", "scaleDown.tolerance=0.2", "target=70"]);
        let behavior = object.find(&BEHAVIOR).unwrap();
        assert_eq!(behavior.integer_of("percentage"), Some(30));
        assert_eq!(behavior.text_of("strategy"), Some("Proportional"));
        assert_eq!(behavior.find(&["scaleDown", "tolerance"]).unwrap().text(), Some("0.2"));
        let metric = &object.find(&["spec", "offloadingConfig", METRICS]).unwrap().items()[0];
        assert_eq!(metric.find(&["resource", "target", "averageUtilization"]).unwrap().integer(), Some(70));
    }

    #[test]
    fn items_of_lists_are_numbered() {
        let object = set(&[
            "scaleUp.policies.0.value=10",
            "scaleUp.policies.0.periodSeconds=60",
            "metrics.0.resource.name=memory",
            "scaleDown.policies.9.value=5",
        ]);
        let policies = |direction| object.find(&BEHAVIOR).unwrap().find(&[direction, "policies"]).unwrap().items();
        assert_eq!(policies("scaleUp").len(), 1);
        assert_eq!(policies("scaleUp")[0].integer_of("periodSeconds"), Some(60));
        assert_eq!(policies("scaleDown").len(), 1, "a number beyond the end is the next one");
        let metric = &object.find(&["spec", "offloadingConfig", METRICS]).unwrap().items()[0];
        assert_eq!(metric.find(&["resource", "name"]).unwrap().text(), Some("memory"));
    }

    #[test]
    fn what_is_in_the_way_goes() {
        let object = set(&["percentage.deeper=1", "scaleUp=1", "scaleUp.tolerance=0"]);
        let behavior = object.find(&BEHAVIOR).unwrap();
        assert_eq!(behavior.find(&["percentage", "deeper"]).unwrap().integer(), Some(1));
        assert_eq!(behavior.find(&["scaleUp", "tolerance"]).unwrap().integer(), Some(0));
    }

    #[test]
    fn a_target_that_is_not_there_changes_nothing() {
        let mut object = documents(b"spec: {offloadingConfig: {metrics: []}}").next().unwrap().content.unwrap();
        Setting::parse("target=70").unwrap().apply(&mut object);
        assert!(object.find(&["spec", "offloadingConfig", METRICS]).unwrap().items().is_empty());
    }

    #[test]
    fn what_is_no_setting_is_told() {
        for wrong in ["", "strategy", "=1", ".=1", "scaleUp..tolerance=1"] {
            assert!(Setting::parse(wrong).unwrap_err().contains("is not FIELD=VALUE"), "{wrong}");
        }
    }
}
