//! Label selectors, as they stand in a query.

/// Whether the labels are selected. Nothing selects everything.
///
/// # Errors
/// What cannot be read.
pub(super) fn selects(selector: &str, labels: &[(String, String)]) -> Result<bool, String> {
    for requirement in requirements(selector) {
        if !fulfilled(requirement.trim(), labels)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What stands between the commas, of which those in parentheses are none.
fn requirements(selector: &str) -> Vec<&str> {
    let mut depth = 0_u32;
    selector
        .split(|character| {
            match character {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            character == ',' && depth == 0
        })
        .filter(|requirement| !requirement.trim().is_empty())
        .collect()
}

fn fulfilled(requirement: &str, labels: &[(String, String)]) -> Result<bool, String> {
    let value = |key: &str| labels.iter().find(|(name, _)| name == key.trim()).map(|(_, value)| value.as_str());
    for (operator, equal) in [("!=", false), ("==", true), ("=", true)] {
        if let Some((key, wanted)) = requirement.split_once(operator) {
            return Ok((value(key) == Some(wanted.trim())) == equal);
        }
    }
    for (operator, among) in [(" notin (", false), (" in (", true)] {
        if let Some((key, set)) = requirement.split_once(operator) {
            let set = set.strip_suffix(')').ok_or_else(|| format!("no parenthesis in {requirement:?}"))?;
            let found = value(key).is_some_and(|value| set.split(',').any(|one| one.trim() == value));
            return Ok(found == among);
        }
    }
    let (key, wanted) = requirement.strip_prefix('!').map_or((requirement, true), |key| (key, false));
    if key.contains([' ', '(', '<', '>']) {
        return Err(format!("{requirement:?} is no requirement"));
    }
    Ok(value(key).is_some() == wanted)
}

#[test]
fn selectors_select() {
    let labels = [("app".to_owned(), "model".to_owned()), ("tier".to_owned(), "gpu".to_owned())];
    for selector in ["", "app=model", "app==model,tier!=cpu", "tier in (cpu, gpu),app", "tier notin (cpu),!zone"] {
        assert_eq!(selects(selector, &labels), Ok(true), "{selector}");
    }
    for selector in ["app=other", "app!=model", "tier in (cpu)", "tier notin (gpu),app=model", "zone", "!app"] {
        assert_eq!(selects(selector, &labels), Ok(false), "{selector}");
    }
    assert!(selects("app in (model", &labels).is_err() && selects("app > 3", &labels).is_err());
}
