//! Which cluster this is: by that its objects on Beamlit are told from those of others that share the workspace.

use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, ListParams};
use tokio::time::sleep;

use super::context::Context;
use crate::telemetry::reconciler::Answer;

/// The namespace whose uid stands for the cluster, as elsewhere (OpenTelemetry's `k8s.cluster.uid`): it is there from first to last.
const NAMESPACE: &str = "kube-system";

/// How often it is asked for, and how long between.
const ATTEMPTS: usize = 5;
const AGAIN: Duration = Duration::from_secs(1);

/// Asks for it. Who is not told goes on without: then nobody notices what is left on Beamlit.
pub(super) async fn learn(context: &Context) {
    let api: Api<Namespace> = Api::all(context.client.clone());
    // Like the watch of namespaces, which may list them and nothing else.
    let only = ListParams::default().fields(&format!("metadata.name={NAMESPACE}"));
    for attempt in 1..=ATTEMPTS {
        let listed = api.list_metadata(&only).await;
        let answer = listed.as_ref().map_or_else(Answer::of_error, |_| Answer::Ok);
        context.metrics.kubernetes_request("get_cluster", answer);
        match listed {
            Ok(listed) => {
                let uid = listed.items.into_iter().find_map(|namespace| namespace.metadata.uid);
                uid.into_iter().for_each(|uid| _ = context.cluster.set(uid));
                return;
            }
            Err(error) if attempt == ATTEMPTS => {
                tracing::warn!("which cluster this is cannot be told: {error}");
            }
            Err(_) => sleep(AGAIN).await,
        }
    }
}
