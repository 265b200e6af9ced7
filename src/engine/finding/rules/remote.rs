//! `RT…`: remote backends, where traffic is sent.

use super::rules;

rules! {
    RT001: Error Invalid Everywhere ModelDeployment,
        "a backend's host is a DNS name or an IP address, with an optional port",
        "name[:port], an IPv4 address in four decimal numbers, or an IPv6 address in brackets. The scheme, the path and credentials have fields of their own.",
        bad: "spec:\n  offloadingConfig:\n    remoteBackend:\n      host: https://models.example.com\n",
        good: "spec:\n  offloadingConfig:\n    remoteBackend:\n      host: models.example.com\n      scheme: https\n";
    RT002: Error Forbidden Everywhere ModelDeployment,
        "traffic and tokens never go to the cluster's own insides",
        "Loopback, link-local and multicast addresses, the metadata services of clouds and the Services of other namespaces are reachable from where traffic is forwarded, and hand out credentials or belong to somebody else. Private networks are fine.",
        bad: "spec:\n  offloadingConfig:\n    remoteBackend:\n      host: 169.254.169.254\n",
        good: "spec:\n  offloadingConfig:\n    remoteBackend:\n      host: 10.20.30.40:8080\n";
    RT003: Error Invalid Everywhere ModelDeployment,
        "a path prefix is an absolute, plain URL path",
        "It starts with one /, has no query, no fragment, no empty segment but the last, and no . or .. segment in any encoding, for such a prefix would lead elsewhere. $workspace and $model are filled in.",
        bad: "spec:\n  offloadingConfig:\n    remoteBackend:\n      host: models.example.com\n      pathPrefix: v1/models\n",
        good: "spec:\n  offloadingConfig:\n    remoteBackend:\n      host: models.example.com\n      pathPrefix: /v1/models/$model\n";
    RT004: Error Invalid Everywhere ModelDeployment,
        "a header's name is an HTTP token",
        "Letters, digits and any of ! # $ % & ' * + - . ^ _ ` | ~ (RFC 9110).",
        bad: "spec:\n  offloadingConfig:\n    remoteBackend:\n      host: models.example.com\n      headersToAdd:\n        \"X Team\": search\n",
        good: "spec:\n  offloadingConfig:\n    remoteBackend:\n      host: models.example.com\n      headersToAdd:\n        X-Team: search\n";
    RT005: Error Invalid Everywhere ModelDeployment,
        "a header's value is visible ASCII",
        "Visible ASCII characters, spaces and tabs; it may be empty. A line break would let a value forge further headers. Values are never shown.",
        bad: "spec:\n  offloadingConfig:\n    remoteBackend:\n      host: models.example.com\n      headersToAdd:\n        X-Team: \"search\\r\\nX-Admin: true\"\n",
        good: "spec:\n  offloadingConfig:\n    remoteBackend:\n      host: models.example.com\n      headersToAdd:\n        X-Team: search\n";
    RT006: Error Duplicate Everywhere ModelDeployment,
        "a header is added only once",
        "Header names are the same regardless of letter case.",
        bad: "spec:\n  offloadingConfig:\n    remoteBackend:\n      host: models.example.com\n      headersToAdd:\n        X-Team: search\n        x-team: ads\n",
        good: "spec:\n  offloadingConfig:\n    remoteBackend:\n      host: models.example.com\n      headersToAdd:\n        X-Team: search\n";
    RT007: Error Forbidden Everywhere ModelDeployment,
        "the headers that carry the request itself are not added",
        "Host, Content-Length, Transfer-Encoding, Connection and the other hop-by-hop headers belong to the proxy: a second one breaks or smuggles requests. Authorization belongs to authConfig where that is set.",
        bad: "spec:\n  offloadingConfig:\n    remoteBackend:\n      host: models.example.com\n      headersToAdd:\n        Host: other.example.com\n",
        good: "spec:\n  offloadingConfig:\n    remoteBackend:\n      host: other.example.com\n";
    RT008: Warning Invalid Everywhere ModelDeployment,
        "a secret does not stand in the object",
        "Everyone who may read ModelDeployments, and every backup of them, can read it. Put it into a Secret and name it in clientSecretRef.",
        bad: "spec:\n  offloadingConfig:\n    remoteBackend:\n      host: models.example.com\n      scheme: https\n      headersToAdd:\n        Authorization: Bearer not-a-real-token\n",
        good: "spec:\n  offloadingConfig:\n    remoteBackend:\n      host: models.example.com\n      scheme: https\n      authConfig:\n        type: oauth\n        oauthConfig:\n          clientId: my-client\n          clientSecretRef: {name: my-client, key: secret}\n          tokenUrl: https://login.example.com/token\n";
    RT009: Error Forbidden Everywhere ModelDeployment,
        "a client has one secret",
        "With both clientSecret and clientSecretRef nobody could tell which one counts.",
        bad: "spec:\n  offloadingConfig:\n    remoteBackend:\n      host: models.example.com\n      scheme: https\n      authConfig:\n        type: oauth\n        oauthConfig:\n          clientId: my-client\n          clientSecret: not-a-real-secret\n          clientSecretRef: {name: my-client, key: secret}\n          tokenUrl: https://login.example.com/token\n",
        good: "spec:\n  offloadingConfig:\n    remoteBackend:\n      host: models.example.com\n      scheme: https\n      authConfig:\n        type: oauth\n        oauthConfig:\n          clientId: my-client\n          clientSecretRef: {name: my-client, key: secret}\n          tokenUrl: https://login.example.com/token\n";
    RT010: Error Required Everywhere ModelDeployment,
        "a client has a secret",
        "OAuth 2 client credentials are an id and a secret. Name the key of a Secret in the object's own namespace.",
        bad: "spec:\n  offloadingConfig:\n    remoteBackend:\n      host: models.example.com\n      scheme: https\n      authConfig:\n        type: oauth\n        oauthConfig:\n          clientId: my-client\n          tokenUrl: https://login.example.com/token\n",
        good: "spec:\n  offloadingConfig:\n    remoteBackend:\n      host: models.example.com\n      scheme: https\n      authConfig:\n        type: oauth\n        oauthConfig:\n          clientId: my-client\n          clientSecretRef: {name: my-client, key: secret}\n          tokenUrl: https://login.example.com/token\n";
    RT011: Error Invalid Everywhere ModelDeployment,
        "tokens are had from an absolute https URL",
        "The client's secret is sent there: anything but https would show it on the way. Credentials, a fragment and white space have no place in it.",
        bad: "spec:\n  offloadingConfig:\n    remoteBackend:\n      host: models.example.com\n      scheme: https\n      authConfig:\n        type: oauth\n        oauthConfig:\n          clientId: my-client\n          clientSecretRef: {name: my-client, key: secret}\n          tokenUrl: http://login.example.com/token\n",
        good: "spec:\n  offloadingConfig:\n    remoteBackend:\n      host: models.example.com\n      scheme: https\n      authConfig:\n        type: oauth\n        oauthConfig:\n          clientId: my-client\n          clientSecretRef: {name: my-client, key: secret}\n          tokenUrl: https://login.example.com/token\n";
    RT012: Error Invalid Everywhere ModelDeployment,
        "the key of a Secret is one that a Secret can have",
        "Letters, digits, -, _ and . only.",
        bad: "spec:\n  offloadingConfig:\n    remoteBackend:\n      host: models.example.com\n      scheme: https\n      authConfig:\n        type: oauth\n        oauthConfig:\n          clientId: my-client\n          clientSecretRef: {name: my-client, key: \"the secret\"}\n          tokenUrl: https://login.example.com/token\n",
        good: "spec:\n  offloadingConfig:\n    remoteBackend:\n      host: models.example.com\n      scheme: https\n      authConfig:\n        type: oauth\n        oauthConfig:\n          clientId: my-client\n          clientSecretRef: {name: my-client, key: the-secret}\n          tokenUrl: https://login.example.com/token\n";
    RT013: Warning Invalid Everywhere ModelDeployment,
        "a token does not travel in the clear",
        "With scheme http everyone on the way can read the token that authConfig adds, and use it.",
        bad: "spec:\n  offloadingConfig:\n    remoteBackend:\n      host: models.example.com\n      scheme: http\n      authConfig:\n        type: oauth\n        oauthConfig:\n          clientId: my-client\n          clientSecretRef: {name: my-client, key: secret}\n          tokenUrl: https://login.example.com/token\n",
        good: "spec:\n  offloadingConfig:\n    remoteBackend:\n      host: models.example.com\n      scheme: https\n      authConfig:\n        type: oauth\n        oauthConfig:\n          clientId: my-client\n          clientSecretRef: {name: my-client, key: secret}\n          tokenUrl: https://login.example.com/token\n";
    RT014: Error Forbidden Everywhere World,
        "traffic goes only where the policies allow it",
        "The place and the hardware of a backend are what the operator's configuration declares of its host. All of it must be within the policies that the object names, and within those of its environment. Only Beamlit's own host passes: Beamlit judges it itself.",
        bad: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nbackends:\n- host: models.example.com\n  country: us\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: my-model\nspec:\n  ports:\n  - name: p8080\n    port: 8080\n---\napiVersion: authorization.beamlit.com/v1alpha1\nkind: Policy\nmetadata:\n  name: eu-only\nspec:\n  type: location\n  locations:\n  - type: continent\n    name: eu\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: my-model\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n    targetPort: 8080\n  policies:\n  - refType: localPolicy\n    name: eu-only\n  offloadingConfig:\n    remoteBackend:\n      host: models.example.com\n",
        good: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nbackends:\n- host: models.example.com\n  country: fr\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: my-model\nspec:\n  ports:\n  - name: p8080\n    port: 8080\n---\napiVersion: authorization.beamlit.com/v1alpha1\nkind: Policy\nmetadata:\n  name: eu-only\nspec:\n  type: location\n  locations:\n  - type: continent\n    name: eu\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: my-model\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n    targetPort: 8080\n  policies:\n  - refType: localPolicy\n    name: eu-only\n  offloadingConfig:\n    remoteBackend:\n      host: models.example.com\n";
    RT015: Error Forbidden Everywhere World,
        "the place of a backend is declared where policies limit places",
        "Nobody can tell from a name where a host is. While a location policy applies, the operator's configuration must say in which country, continent or location the backend is; while a flavor policy applies, on what it runs. A continent does not prove a country.",
        bad: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: my-model\nspec:\n  ports:\n  - name: p8080\n    port: 8080\n---\napiVersion: authorization.beamlit.com/v1alpha1\nkind: Policy\nmetadata:\n  name: eu-only\nspec:\n  type: location\n  locations:\n  - type: continent\n    name: eu\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: my-model\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n    targetPort: 8080\n  policies:\n  - refType: localPolicy\n    name: eu-only\n  offloadingConfig:\n    remoteBackend:\n      host: models.example.com\n",
        good: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nbackends:\n- host: models.example.com\n  continent: eu\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: my-model\nspec:\n  ports:\n  - name: p8080\n    port: 8080\n---\napiVersion: authorization.beamlit.com/v1alpha1\nkind: Policy\nmetadata:\n  name: eu-only\nspec:\n  type: location\n  locations:\n  - type: continent\n    name: eu\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: my-model\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n    targetPort: 8080\n  policies:\n  - refType: localPolicy\n    name: eu-only\n  offloadingConfig:\n    remoteBackend:\n      host: models.example.com\n";
    RT016: Warning Forbidden Everywhere World,
        "what the policies allow is known",
        "The object, or its environment, has a policy on Beamlit, and what that allows is not known: it was not read yet (the operator reads it once a minute, if it has credentials; `check` never does), is not there, or is of a type that nobody here understands. Nothing is sent to a backend other than Beamlit until it is known.",
        bad: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: my-model\nspec:\n  ports:\n  - name: p8080\n    port: 8080\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: my-model\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n    targetPort: 8080\n  policies:\n  - name: on-beamlit\n  offloadingConfig:\n    remoteBackend:\n      host: models.example.com\n",
        good: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: my-model\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: my-model\nspec:\n  ports:\n  - name: p8080\n    port: 8080\n---\napiVersion: deployment.beamlit.com/v1alpha1\nkind: ModelDeployment\nmetadata:\n  name: my-model\nspec:\n  model: my-model\n  modelSourceRef:\n    name: my-model\n  serviceRef:\n    name: my-model\n    targetPort: 8080\n  policies:\n  - name: on-beamlit\n  offloadingConfig:\n    remoteBackend:\n      host: run.beamlit.com\n";
}
