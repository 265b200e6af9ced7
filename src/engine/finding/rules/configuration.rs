//! `CF…`: the operator's configuration.

use super::rules;

rules! {
    CF001: Error Invalid Configuration Documents,
        "a pattern of hosts is one host, or *. and a domain",
        "A DNS name, an IPv4 address, an IPv6 address in brackets, or `*.` and a domain for every host below it, the domain itself aside. A wildcard stands for whole labels and only at the start; `*` alone would match every host. Patterns have no scheme, port and path: a host is meant on every port. Internationalised names are written as A-labels (`xn--…`). Letter case and a trailing dot do not count.",
        bad: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nbackends:\n- host: \"*\"\n  country: fr\n",
        good: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nbackends:\n- host: \"*.example.com\"\n  country: fr\n";
    CF002: Warning Invalid Configuration Documents,
        "a pattern of hosts is narrower than a top-level domain",
        "Nobody can vouch for every host below `com`. It is most likely a slip.",
        bad: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nbackends:\n- host: \"*.com\"\n  country: fr\n",
        good: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nbackends:\n- host: \"*.example.com\"\n  country: fr\n";
    CF003: Error Duplicate Configuration Documents,
        "a pattern of hosts is declared once",
        "Of two equal patterns nobody could tell which counts. Patterns that overlap are fine: the narrowest counts.",
        bad: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nbackends:\n- host: models.example.com\n  country: fr\n- host: Models.example.com.\n  country: us\n",
        good: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nbackends:\n- host: models.example.com\n  country: fr\n- host: \"*.example.com\"\n  country: us\n";
    CF004: Error Invalid Configuration Documents,
        "a country is an officially assigned ISO 3166-1 alpha-2 code",
        "Countries are named by two letters, as ISO 3166-1 assigns them: `gb`, not `uk`. Codes that are reserved, user-assigned or withdrawn name no country. Letter case does not count.",
        bad: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nlocations:\n- name: uk-lon\n  country: uk\n",
        good: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nlocations:\n- name: uk-lon\n  country: gb\n";
    CF005: Error NotSupported Configuration Documents,
        "a continent is one of seven codes",
        "`af`, `an`, `as`, `eu`, `na`, `oc` and `sa`. Letter case does not count.",
        bad: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nlocations:\n- name: uk-lon\n  continent: europe\n",
        good: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nlocations:\n- name: uk-lon\n  continent: eu\n";
    CF006: Error Invalid Configuration Documents,
        "a country lies on the continent on which it is counted",
        "A country tells its continent, so that continent can be left out beside it. A country that lies on two continents is counted on one: the message says on which.",
        bad: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nlocations:\n- name: tr-ist\n  country: tr\n  continent: eu\n",
        good: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nlocations:\n- name: tr-ist\n  country: tr\n";
    CF007: Error Required Configuration Documents,
        "a declared location lies somewhere",
        "The entry is there to say in which country, or at least on which continent, the location lies.",
        bad: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nlocations:\n- name: us-pdx\n",
        good: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nlocations:\n- name: us-pdx\n  country: us\n";
    CF008: Error Duplicate Configuration Documents,
        "a location is declared once",
        "Of two entries with one name nobody could tell which counts. Names are compared letter by letter.",
        bad: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nlocations:\n- name: us-pdx\n  country: us\n- name: us-pdx\n  continent: na\n",
        good: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nlocations:\n- name: us-pdx\n  country: us\n- name: us-was\n  country: us\n";
    CF009: Error Invalid Configuration Documents,
        "locations and flavors have names that Beamlit could have given",
        "ASCII letters, digits, `.`, `_` and `-`, with a letter or digit at both ends, as in a Policy: no policy could name anything else.",
        bad: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nlocations:\n- name: us pdx\n  country: us\n",
        good: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nlocations:\n- name: us-pdx\n  country: us\n";
    CF010: Error Invalid Configuration Documents,
        "a backend lies where its location lies",
        "What `locations` says of a location holds for every backend in it. Country and continent can be left out beside a location that is declared.",
        bad: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nlocations:\n- name: us-pdx\n  country: us\nbackends:\n- host: models.example.com\n  location: us-pdx\n  country: ca\n",
        good: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nlocations:\n- name: us-pdx\n  country: us\nbackends:\n- host: models.example.com\n  location: us-pdx\n";
    CF011: Warning Required Configuration Documents,
        "a declared backend has a place or flavors",
        "An entry that says neither changes nothing: the backend is refused under a policy, as if it were not declared.",
        bad: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nbackends:\n- host: models.example.com\n",
        good: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nbackends:\n- host: models.example.com\n  country: fr\n";
    CF012: Warning NotFound Configuration Documents,
        "a backend's location lies somewhere",
        "If neither `locations` nor the backend itself says in which country the location lies, no policy that allows a country or a continent is met, but only one that allows this very location.",
        bad: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nbackends:\n- host: models.example.com\n  location: us-pdx\n",
        good: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nlocations:\n- name: us-pdx\n  country: us\nbackends:\n- host: models.example.com\n  location: us-pdx\n";
    CF013: Error Required Configuration Documents,
        "a local policy of an environment is named with its namespace",
        "In a ModelDeployment the namespace is that of the object. The configuration is in no namespace that could stand in.",
        bad: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nenvironments:\n  production:\n    policies:\n    - refType: localPolicy\n      name: eu-only\n",
        good: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nenvironments:\n  production:\n    policies:\n    - refType: localPolicy\n      name: eu-only\n      namespace: platform\n";
    CF014: Error Forbidden Configuration Documents,
        "a policy on Beamlit has no namespace",
        "Beamlit has one flat space of names. Without `refType` a policy on Beamlit is meant.",
        bad: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nenvironments:\n  production:\n    policies:\n    - name: eu-only\n      namespace: platform\n",
        good: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nenvironments:\n  production:\n    policies:\n    - name: eu-only\n";
    CF015: Error Invalid Configuration Documents,
        "a workspace has a name that can stand in a URL",
        "It becomes one segment of a URL's path: no white space, none of / \\ ? # %, and not . or .. alone.",
        bad: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nworkspace: my/workspace\n",
        good: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nworkspace: my-workspace\n";
    CF016: Error Invalid Configuration Documents,
        "the cluster's domain is a DNS name",
        "The domain under which the cluster's DNS has its Services, such as `cluster.local`. Letter case and a trailing dot do not count.",
        bad: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nclusterDomain: .cluster.local\n",
        good: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nclusterDomain: cluster.local\n";
    CF017: Error Invalid Configuration Documents,
        "Beamlit's own host is one host",
        "Traffic to it is judged by Beamlit and not here, so it is one name, on every port, without a wildcard.",
        bad: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nbeamlitHost: \"*.beamlit.com\"\n",
        good: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nbeamlitHost: run.beamlit.com\n";
    CF018: Warning Forbidden Configuration Documents,
        "what is guarded for a reason stays guarded",
        "Loopback, link-local and metadata addresses and the API server hand out credentials to whoever reaches them from inside, and the Services of a namespace belong to its team. An entry that opens one of them exactly, or all namespaces at once, does what it says, and is worth a second look.",
        bad: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nallowedHosts:\n- 169.254.169.254\n",
        good: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nallowedHosts:\n- models.shared.svc\n";
    CF019: Warning Invalid Configuration Documents,
        "a wildcard allows Services of other namespaces only",
        "Loopback names and the API server stay guarded whatever a wildcard says: each must be named exactly.",
        bad: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nallowedHosts:\n- \"*.localhost.localhost\"\n",
        good: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nallowedHosts:\n- \"*.shared.svc\"\n";
    CF020: Error Invalid Configuration Documents,
        "the URL of a Prometheus is an absolute one of http or https, without credentials, and without the path of the API",
        "The operator adds `/api/v1/query`. A path before that is fine, such as that of a Thanos or a Mimir behind a gateway. Credentials would be read by whoever reads the configuration: a token belongs into a file. A query or a fragment would be lost.",
        bad: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nprometheus:\n  url: prometheus.monitoring.svc:9090\n",
        good: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nprometheus:\n  url: http://prometheus.monitoring.svc:9090\n";
    CF021: Error Invalid Configuration Documents,
        "a file is named by an absolute path",
        "A relative path would depend on where the operator was started. Files are mounted into its Pod: the token of its service account is `/var/run/secrets/kubernetes.io/serviceaccount/token`.",
        bad: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nprometheus:\n  url: https://prometheus.monitoring.svc:9090\n  caFile: ca.crt\n",
        good: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nprometheus:\n  url: https://prometheus.monitoring.svc:9090\n  caFile: /etc/prometheus-ca/ca.crt\n";
    CF022: Warning Invalid Configuration Documents,
        "a token travels to Prometheus encrypted",
        "Whoever can listen on the way has the token of the operator.",
        bad: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nprometheus:\n  url: http://prometheus.monitoring.svc:9090\n  bearerTokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token\n",
        good: "apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\nprometheus:\n  url: https://prometheus.monitoring.svc:9090\n  bearerTokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token\n";
}
