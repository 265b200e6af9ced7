//! The two forms in which metrics are asked for: OpenMetrics, and the text format that came before it.
//!
//! Prometheus reads both and says which it would rather have. Everything else that reads metrics, `promtool` and many agents,
//! knows the older one and does not ask.

/// A form of the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.0.
    OpenMetrics,
    /// Prometheus' text format 0.0.4.
    Text,
}

impl Format {
    /// The form that is wanted by these `Accept` headers, as RFC 9110 reads them: OpenMetrics if it is named and nothing is wanted
    /// more, else the text format, whatever is said of it.
    pub fn wanted<'a>(accept: impl IntoIterator<Item = &'a str>) -> Self {
        let (mut openmetrics, mut text) = (0.0_f32, (0_u8, 0.0_f32));
        for range in accept.into_iter().flat_map(|header| header.split(',')) {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
            let parameters: Vec<(&str, &str)> = parts.filter_map(|part| part.split_once('=')).collect();
            let value =
                |name: &str| parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| *value);
            // What is no number is no wish.
            let quality: f32 = value("q").map_or(1.0, |q| q.parse().unwrap_or(0.0));
            match kind.as_str() {
                // 0.0.1 was the draft; to its readers, 1.0.0 is the same.
                "application/openmetrics-text"
                    if value("version")
                        .is_none_or(|version| ["1.0.0", "0.0.1"].contains(&version.trim_matches('"'))) =>
                {
                    openmetrics = quality.max(openmetrics);
                }
                // The most exact of the ranges that cover it says how much it is wanted.
                "text/plain" => text = further(text, (3, quality)),
                "text/*" => text = further(text, (2, quality)),
                "*/*" => text = further(text, (1, quality)),
                _ => {}
            }
        }
        if openmetrics > 0.0 && openmetrics >= text.1 { Self::OpenMetrics } else { Self::Text }
    }

    /// The media type to announce.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// The metrics in this form, given in OpenMetrics.
    #[must_use]
    pub fn render(self, openmetrics: String) -> String {
        match self {
            Self::OpenMetrics => openmetrics,
            Self::Text => text(&openmetrics),
        }
    }
}

fn further(known: (u8, f32), other: (u8, f32)) -> (u8, f32) {
    if other.0 > known.0 || (other.0 == known.0 && other.1 > known.1) { other } else { known }
}

/// OpenMetrics as the text format 0.0.4: there, the metadata of a counter and of an info stand under the name that its samples
/// have, an info is a gauge, there is no unit, and no end is marked. Samples are the same in both.
fn text(openmetrics: &str) -> String {
    let mut out = String::with_capacity(openmetrics.len());
    // HELP comes before TYPE, and its name depends on the type.
    let mut help: Option<(&str, &str)> = None;
    for line in openmetrics.lines() {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some("HELP"), Some(name), said) => help = Some((name, said.unwrap_or_default())),
            (Some("#"), Some("TYPE"), Some(name), Some(kind)) => {
                let (suffix, kind) = match kind {
                    "counter" => ("_total", "counter"),
                    "info" => ("_info", "gauge"),
                    "unknown" => ("", "untyped"),
                    kind => ("", kind),
                };
                if let Some((_, said)) = help.take().filter(|(of, _)| *of == name) {
                    out.push_str(&format!("# HELP {name}{suffix} {said}\n"));
                }
                out.push_str(&format!("# TYPE {name}{suffix} {kind}\n"));
            }
            (Some("#"), ..) => {}
            _ => {
                out.push_str(line);
                out.push('\n');
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn openmetrics_is_for_those_who_ask_for_it() {
        for accept in [
            // Prometheus 2 and 3.
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,/;q=0.1",
            "application/openmetrics-text",
            "Application/OpenMetrics-Text; Version=\"1.0.0\"; Q=0.9, text/plain; q=0.9",
            // The more exact range counts: text is wanted less, although anything is welcome.
            "application/openmetrics-text;q=0.5, */*, text/plain;q=0.4",
        ] {
            assert_eq!(Format::wanted([accept]), Format::OpenMetrics, "{accept}");
        }
        assert_eq!(Format::wanted(["text/plain;q=0.1", "application/openmetrics-text"]), Format::OpenMetrics);
    }

    #[test]
    fn everyone_else_gets_the_text_format() {
        for accept in [
            "",
            "*/*",
            "text/plain",
            "text/html,application/xhtml+xml,*/*;q=0.8",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text;q=much",
            "application/openmetrics-text;version=2.0.0",
            "application/openmetrics-text;q=0.5,text/plain",
            "application/openmetrics-text;q=0.5,text/*",
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
            ";;,,=;q",
        ] {
            assert_eq!(Format::wanted([accept]), Format::Text, "{accept}");
        }
        assert_eq!(Format::wanted([]), Format::Text);
    }

    #[test]
    fn the_text_format_names_metadata_as_it_names_samples() {
        let openmetrics = "\
# HELP a_reviews Reviews answered.
# TYPE a_reviews counter
a_reviews_total{verdict=\"denied # HELP\"} 2
# HELP a_duration_seconds Time.
# TYPE a_duration_seconds histogram
# UNIT a_duration_seconds seconds
a_duration_seconds_sum 0.1
a_duration_seconds_count 1
a_duration_seconds_bucket{le=\"+Inf\"} 1
# HELP a_none_yet What is not there.
# TYPE a_none_yet gauge
# HELP a_build The version that runs.
# TYPE a_build info
a_build_info{version=\"0.1.0\"} 1
# EOF
";
        assert_snapshot!(Format::Text.render(openmetrics.into()), @r#"
        # HELP a_reviews_total Reviews answered.
        # TYPE a_reviews_total counter
        a_reviews_total{verdict="denied # HELP"} 2
        # HELP a_duration_seconds Time.
        # TYPE a_duration_seconds histogram
        a_duration_seconds_sum 0.1
        a_duration_seconds_count 1
        a_duration_seconds_bucket{le="+Inf"} 1
        # HELP a_none_yet What is not there.
        # TYPE a_none_yet gauge
        # HELP a_build_info The version that runs.
        # TYPE a_build_info gauge
        a_build_info{version="0.1.0"} 1
        "#);
        assert_eq!(Format::OpenMetrics.render(openmetrics.into()), openmetrics);
    }
}
