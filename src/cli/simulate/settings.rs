//! Values that are tried out: written into a ModelDeployment before it is judged, so that they are judged and compiled as any other.

use crate::engine::finding::quoted;
use crate::engine::parse::{Mark, Member, Node, Value};

/// Where paths begin, but for those that begin with [`METRICS`].
const BEHAVIOR: [&str; 3] = ["spec", "offloadingConfig", "behavior"];
/// Metrics stand beside the behaviour.
const METRICS: &str = "metrics";
/// Short for the target of the first metric.
const TARGET: &str = "target";
/// Where each type of metric has its target.
const SOURCES: [(&str, &str); 5] = [
    ("Resource", "resource"),
    ("ContainerResource", "containerResource"),
    ("Pods", "pods"),
    ("Object", "object"),
    ("External", "external"),
];
/// Where each type of target has its value.
const TARGETS: [(&str, &str); 3] =
    [("Utilization", "averageUtilization"), ("AverageValue", "averageValue"), ("Value", "value")];

/// A value, and the field of `offloadingConfig.behavior` that it is written into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    path: Vec<String>,
    value: String,
}

impl Setting {
    /// Reads `FIELD=VALUE`: `percentage=30`, `scaleDown.tolerance=0.2`, `metrics.0.resource.target.averageUtilization=80`, and `target=80` for
    /// the target of the first metric.
    ///
    /// # Errors
    /// If it has not this form. What the value is worth is judged with the object.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (path, value) = text.split_once('=').unwrap_or_default();
        let path: Vec<String> = path.trim().split('.').map(|key| key.trim().to_owned()).collect();
        if path.iter().any(String::is_empty) {
            return Err(format!("{} is not FIELD=VALUE, such as strategy=Proportional", quoted(text)));
        }
        Ok(Self { path, value: value.trim().to_owned() })
    }

    /// Writes it into an object.
    ///
    /// # Errors
    /// If nothing is there that it could change.
    pub(super) fn apply(&self, object: &mut Node<'_>) -> Result<(), String> {
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
        let place = place.ok_or_else(|| format!("{self}: there is no first metric with a target"))?;
        place.value = value;
        Ok(())
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

/// The value of the target of the first metric: the one that counts by its types, or where they are left out the one that is there; none
/// if there is none.
fn target<'n, 'a>(object: &'n mut Node<'a>) -> Option<&'n mut Node<'a>> {
    let metrics = object.get_mut("spec")?.get_mut("offloadingConfig")?.get_mut(METRICS)?;
    let Value::List(items) = &mut metrics.value else { return None };
    let metric = items.first_mut()?;
    let source = named(metric, &SOURCES)?;
    let target = metric.get_mut(source)?.get_mut("target")?;
    let field = named(target, &TARGETS)?;
    target.get_mut(field)
}

/// The field that the type of a map names, or the first one that is there.
fn named(node: &Node<'_>, fields: &[(&str, &'static str)]) -> Option<&'static str> {
    let type_ = node.text_of("type");
    let by_type = fields.iter().find(|(name, _)| type_ == Some(*name));
    by_type.or_else(|| fields.iter().find(|(_, field)| node.get(field).is_some())).map(|(_, field)| *field)
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
            Setting::parse(setting).unwrap().apply(&mut object).unwrap();
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

    /// What `target=70` makes of a metric.
    fn targeted(metric: &str) -> Result<String, String> {
        let manifest = format!("spec: {{offloadingConfig: {{metrics: [{metric}]}}}}");
        let mut object = documents(manifest.as_bytes()).next().unwrap().content.unwrap();
        Setting::parse("target=70").unwrap().apply(&mut object)?;
        let metric = &object.find(&["spec", "offloadingConfig", METRICS]).unwrap().items()[0];
        let target = SOURCES.iter().find_map(|(_, source)| metric.find(&[source, "target"])).unwrap();
        let fields = TARGETS.iter().map(|(_, field)| *field);
        Ok(fields.filter(|field| target.integer_of(field) == Some(70)).collect::<Vec<_>>().join(", "))
    }

    #[test]
    fn the_target_that_counts_is_set() {
        for (metric, field) in [
            ("{type: Resource, resource: {target: {type: Utilization, averageUtilization: 90}}}", "averageUtilization"),
            ("{resource: {target: {averageUtilization: 90}}}", "averageUtilization"),
            ("{pods: {target: {averageValue: 10}}}", "averageValue"),
            ("{object: {target: {type: Value, value: 10, averageValue: 5}}}", "value"),
            ("{object: {target: {type: AverageValue, value: 10, averageValue: 5}}}", "averageValue"),
            ("{type: External, external: {target: {value: 10}}}, {type: Resource}", "value"),
        ] {
            assert_eq!(targeted(metric).as_deref(), Ok(field), "{metric}");
        }
    }

    #[test]
    fn a_target_that_is_not_there_is_told() {
        for metric in [
            "",
            "{}",
            "{type: Resource}",
            "{resource: {target: {}}}",
            // The other one is not what counts: to set it would change nothing.
            "{object: {target: {type: Value, averageValue: 5}}}",
            "{type: External, pods: {target: {averageValue: 5}}}",
        ] {
            let told = targeted(metric).unwrap_err();
            assert_eq!(told, "target=70: there is no first metric with a target", "{metric}");
        }
    }

    #[test]
    fn what_is_no_setting_is_told() {
        for wrong in ["", "strategy", "=1", ".=1", "scaleUp..tolerance=1"] {
            assert!(Setting::parse(wrong).unwrap_err().contains("is not FIELD=VALUE"), "{wrong}");
        }
    }
}
