//! What people call a field before they have looked up its name.

use super::plain::Folded;

/// A usual name, in lower case and without separators, and the fields that it may stand for; the first that is known is
/// meant. Names that merely extend or shorten a field's own (`hostname`, `env`) need no line.
const MEANT: &[(&str, &[&str])] = &[
    ("address", &["host"]),
    ("authentication", &["authConfig"]),
    ("basepath", &["pathPrefix"]),
    ("containerport", &["targetPort"]),
    ("continents", &["locations"]),
    ("countries", &["locations"]),
    ("deployment", &["modelSourceRef"]),
    ("deploymentref", &["modelSourceRef"]),
    ("endpoint", &["host"]),
    ("hardware", &["flavors"]),
    ("header", &["headersToAdd"]),
    ("headers", &["headersToAdd"]),
    ("interval", &["periodSeconds"]),
    ("maxreplicas", &["maxNumReplicas"]),
    ("maxweight", &["percentage"]),
    ("metricname", &["metric"]),
    ("minreplicas", &["minNumReplicas"]),
    ("path", &["pathPrefix"]),
    ("places", &["locations"]),
    ("policy", &["policies"]),
    ("policyrefs", &["policies"]),
    ("port", &["targetPort"]),
    ("protocol", &["scheme"]),
    ("ref", &["name"]),
    ("regions", &["locations"]),
    ("scaletargetref", &["modelSourceRef"]),
    ("secretkeyref", &["clientSecretRef"]),
    ("secretname", &["clientSecretRef", "name"]),
    ("secretref", &["clientSecretRef"]),
    ("serviceport", &["targetPort"]),
    ("tokenendpoint", &["tokenUrl"]),
    ("uri", &["host"]),
    ("url", &["tokenUrl", "host"]),
    ("weight", &["percentage", "value"]),
    ("workload", &["modelSourceRef"]),
    ("workloadref", &["modelSourceRef"]),
];

/// The known field that the name usually stands for.
pub(super) fn meant<'c>(input: &str, known: &[&'c str]) -> Option<&'c str> {
    let name: String = Folded::new(input).joined().collect();
    let place = MEANT.binary_search_by_key(&name.as_str(), |(word, _)| *word).ok()?;
    let (_, fields) = MEANT.get(place)?;
    fields.iter().find_map(|field| known.iter().find(|known| *known == field)).copied().filter(|field| *field != input)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::schema::Shape;
    use crate::engine::subject::Kind;

    fn fields<'s>(shape: &'s Shape, out: &mut Vec<&'s str>) {
        if let Shape::List { item, .. } = shape {
            fields(item, out);
        }
        for field in shape.fields() {
            out.push(&field.name);
            fields(&field.shape, out);
        }
    }

    #[test]
    fn the_table_is_in_order() {
        assert!(MEANT.is_sorted_by(|(a, _), (b, _)| a < b));
    }

    #[test]
    fn every_field_of_the_table_exists() {
        let mut all = Vec::new();
        Kind::ALL.into_iter().for_each(|kind| fields(Shape::of_spec(kind), &mut all));
        for (word, meant) in MEANT {
            assert!(meant.iter().all(|field| all.contains(field)), "{word}: {meant:?}");
        }
    }

    #[test]
    fn only_what_is_known_is_meant() {
        assert_eq!(meant("path", &["host"]), None);
        assert_eq!(meant("Path", &["host", "pathPrefix"]), Some("pathPrefix"));
        assert_eq!(meant("url", &["host"]), Some("host"));
        assert_eq!(meant("url", &["host", "tokenUrl"]), Some("tokenUrl"));
    }
}
