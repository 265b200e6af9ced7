//! Values that are tried out: `--set` and `--compare` write them into the manifest, and the judge and the compiler read it as any other.

use crate::engine::finding::quoted;
use crate::engine::parse::{Mark, Member, Node, Value};

/// Where paths begin.
const BEHAVIOR: [&str; 3] = ["spec", "offloadingConfig", "behavior"];
/// Where a source of metrics has its target.
const SOURCES: [&str; 5] = ["resource", "containerResource", "pods", "object", "external"];

/// Sets values in a ModelDeployment.
///
/// # Errors
/// What is wrong with a setting, before anybody judges its value.
pub(super) fn apply(object: &mut Node<'_>, settings: &[String]) -> Result<(), String> {
    for setting in settings {
        let (path, value) = match setting.split_once('=') {
            Some((path, value)) if !path.trim().is_empty() => (path.trim(), value.trim()),
            _ => return Err(format!("{} is not FIELD=VALUE, such as strategy=Proportional", quoted(setting))),
        };
        let value = match value.parse::<i64>() {
            Ok(number) => Value::Int(number),
            Err(_) => Value::Text(value.to_owned().into()),
        };
        if path == "target" {
            set_target(object, value)?;
        } else {
            let mut place = &mut *object;
            for key in BEHAVIOR.into_iter().chain(path.split('.')) {
                place = child(place, key).ok_or_else(|| format!("{}: nothing can be set there", quoted(setting)))?;
            }
            place.value = value;
        }
    }
    Ok(())
}

/// The member of that name, or the item of that number, made if need be.
fn child<'n, 'a>(node: &'n mut Node<'a>, key: &str) -> Option<&'n mut Node<'a>> {
    if let Ok(index) = key.parse::<usize>() {
        if node.is_null() {
            node.value = Value::List(Vec::new());
        }
        let Value::List(items) = &mut node.value else { return None };
        if index == items.len() {
            items.push(Node::default());
        }
        return items.get_mut(index);
    }
    if node.is_null() {
        node.value = Value::Map(Vec::new());
    }
    let Value::Map(members) = &mut node.value else { return None };
    // Of several members of one name the last counts.
    let at = match members.iter().rposition(|member| member.key == key) {
        Some(at) => at,
        None => {
            members.push(Member { key: key.to_owned().into(), key_at: Mark::default(), value: Node::default() });
            members.len() - 1
        }
    };
    members.get_mut(at).map(|member| &mut member.value)
}

fn set_target<'a>(object: &mut Node<'a>, value: Value<'a>) -> Result<(), String> {
    let several = "target= needs a manifest with exactly one metric";
    let metrics = object.get_mut("spec").and_then(|spec| spec.get_mut("offloadingConfig"));
    let metrics = metrics.and_then(|config| config.get_mut("metrics")).ok_or(several)?;
    let Value::List(items) = &mut metrics.value else { return Err(several.into()) };
    let [metric] = items.as_mut_slice() else { return Err(several.into()) };
    let target = SOURCES.iter().find(|source| metric.get(source).is_some());
    let target = target.and_then(|source| metric.get_mut(source)).and_then(|source| source.get_mut("target"));
    let target = target.ok_or(several)?;
    let field = ["averageUtilization", "averageValue", "value"].into_iter().find(|field| target.get(field).is_some());
    let field = field.and_then(|field| target.get_mut(field)).ok_or(several)?;
    field.value = value;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::parse::documents;

    const MANIFEST: &str = "spec:\n  offloadingConfig:\n    behavior:\n      percentage: 50\n    metrics:\n    - resource: {name: cpu, target: {averageUtilization: 90}}\n";

    fn object() -> Node<'static> {
        documents(MANIFEST.as_bytes()).next().unwrap().content.unwrap()
    }

    fn set(settings: &[&str]) -> Result<Node<'static>, String> {
        let mut object = object();
        let settings: Vec<String> = settings.iter().map(|setting| (*setting).to_owned()).collect();
        apply(&mut object, &settings).map(|()| object)
    }

    #[test]
    fn fields_are_changed_and_made() {
        let object = set(&["percentage=30", "strategy=Proportional", "scaleDown.tolerance=0.2", "target=70"]).unwrap();
        let behavior = object.find(&BEHAVIOR).unwrap();
        assert_eq!(behavior.integer_of("percentage"), Some(30));
        assert_eq!(behavior.text_of("strategy"), Some("Proportional"));
        assert_eq!(behavior.find(&["scaleDown", "tolerance"]).unwrap().text(), Some("0.2"));
        let metric = &object.find(&["spec", "offloadingConfig", "metrics"]).unwrap().items()[0];
        assert_eq!(metric.find(&["resource", "target", "averageUtilization"]).unwrap().integer(), Some(70));
    }

    #[test]
    fn items_of_lists_are_numbered() {
        let object = set(&["scaleUp.policies.0.value=10", "scaleUp.policies.0.periodSeconds=60"]).unwrap();
        let policies = object.find(&BEHAVIOR).unwrap().find(&["scaleUp", "policies"]).unwrap();
        assert_eq!(policies.items().len(), 1);
        assert_eq!(policies.items()[0].integer_of("periodSeconds"), Some(60));
    }

    #[test]
    fn what_is_no_setting_is_told() {
        for wrong in ["strategy", "=1", "percentage.deeper=1", "scaleUp.policies.1.value=1", ""] {
            assert!(set(&[wrong]).is_err(), "{wrong}");
        }
        let mut none = documents(b"spec: {offloadingConfig: {metrics: []}}").next().unwrap().content.unwrap();
        assert!(apply(&mut none, &["target=70".into()]).is_err());
    }
}
