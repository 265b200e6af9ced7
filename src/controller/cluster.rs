//! Which cluster this is: by that its objects on Beamlit are told from those of others that share the workspace.

use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, ListParams};
use tokio::time::sleep;

use super::context::Context;
use crate::telemetry::reconciler::Answer;

/// The namespace whose uid stands for the cluster, as elsewhere (OpenTelemetry's `k8s.cluster.uid`): it is there from first to last.
const NAMESPACE: &str = "kube-system";

/// How long it is waited for: what is put on Beamlit without it is changed once more when it is known.
pub(super) const WAIT: Duration = Duration::from_secs(2);

/// After how long it is asked for again: at first, and at most.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Asks for it until somebody tells.
pub(super) async fn learn(context: &Context) {
    let api: Api<Namespace> = Api::all(context.client.clone());
    // Like the watch of namespaces, which may list them and nothing else.
    let only = ListParams::default().fields(&format!("metadata.name={NAMESPACE}"));
    let mut again = AGAIN.0;
    loop {
        let listed = api.list_metadata(&only).await;
        let answer = listed.as_ref().map_or_else(Answer::of_error, |_| Answer::Ok);
        context.metrics.kubernetes_request("get_cluster", answer);
        match listed {
            Ok(listed) => {
                let uid = listed.items.into_iter().find_map(|namespace| namespace.metadata.uid);
                uid.into_iter().for_each(|uid| _ = context.cluster.set(uid));
                return;
            }
            Err(error) => {
                tracing::warn!(again_in = ?again, "which cluster this is cannot be told: {error}");
                sleep(again).await;
                again = (again * 2).min(AGAIN.1);
            }
        }
    }
}
