//! `PL…`: what a Policy allows.

use super::rules;

rules! {
    PL001: Error Required Everywhere Policy,
        "a policy lists at least one option of its own type",
        "A policy lists what is allowed. One that lists nothing would allow nothing, and refuse every ModelDeployment that names it; to allow everything, have no policy of that type.",
        bad: "spec:\n  locations: []\n",
        good: "spec:\n  locations:\n  - type: continent\n    name: eu\n";
    PL002: Error Forbidden Everywhere Policy,
        "a policy lists no option of the other type",
        "A location policy says where traffic may go, a flavor policy on what hardware. What one lists for the other type would not count. Write two policies, and name both: policies of different types narrow each other.",
        bad: "spec:\n  flavors:\n  - type: gpu\n    name: t4\n",
        good: "spec:\n  flavors: []\n";
    PL003: Error NotSupported Everywhere Policy,
        "a continent is one of af, an, as, eu, na, oc and sa",
        "Continents are named by two letters: Africa, Antarctica, Asia, Europe, North America, Oceania, South America. Letter case does not count.",
        bad: "spec:\n  locations:\n  - type: continent\n    name: europe\n",
        good: "spec:\n  locations:\n  - type: continent\n    name: eu\n";
    PL004: Error Invalid Everywhere Policy,
        "a country is an officially assigned ISO 3166-1 alpha-2 code",
        "Countries are named by two letters, as ISO 3166-1 assigns them: `gb`, not `uk`; `us`, not `usa`. Codes that are reserved, user-assigned or withdrawn name no country. Letter case does not count.",
        bad: "spec:\n  locations:\n  - type: country\n    name: uk\n",
        good: "spec:\n  locations:\n  - type: country\n    name: gb\n";
    PL005: Error Invalid Everywhere Policy,
        "a location's name is letters, digits, dots, underscores and hyphens",
        "Locations have names of their own on Beamlit. A name starts and ends with an ASCII letter or digit. Letter case counts.",
        bad: "spec:\n  locations:\n  - type: location\n    name: us pdx 1\n",
        good: "spec:\n  locations:\n  - type: location\n    name: us-pdx-1\n";
    PL006: Error Invalid Everywhere Policy,
        "a flavor's name is letters, digits, dots, underscores and hyphens",
        "Flavors have names of their own on Beamlit. A name starts and ends with an ASCII letter or digit. Letter case counts.",
        bad: "spec:\n  type: flavor\n  locations: []\n  flavors:\n  - type: gpu\n    name: nvidia/t4\n",
        good: "spec:\n  type: flavor\n  locations: []\n  flavors:\n  - type: gpu\n    name: t4\n";
    PL007: Warning Duplicate Everywhere Policy,
        "a policy lists an option only once",
        "A repeated entry allows nothing more, and may stand where another was meant. Country and continent codes are compared regardless of letter case, names of locations and flavors letter by letter.",
        bad: "spec:\n  locations:\n  - type: country\n    name: us\n  - type: country\n    name: US\n",
        good: "spec:\n  locations:\n  - type: country\n    name: us\n  - type: country\n    name: ca\n";
}
