//! What pods request: the base of every utilization.

use super::*;

type Change = fn(&mut Pod);

fn init(role: Role, milli: i64) -> Container {
    Container { role, ..container("init", milli) }
}

/// What is requested of a pod whose container `main` requests 1000 of cpu and of memory.
fn requested(change: Change, container: Option<&str>) -> Result<i128, String> {
    let mut pod = pod("a", 1000);
    change(&mut pod);
    pod.request("cpu", container).map(|sum| sum.0).map_err(|fault| fault.to_string())
}

#[test]
fn of_the_containers() {
    let rows: [(&str, Change, Result<i128, &str>); 7] = [
        ("one container", |_| {}, Ok(1000)),
        ("all containers", |pod| pod.containers.push(container("proxy", 100)), Ok(1100)),
        ("those that initialise do not count", |pod| pod.containers.insert(0, init(Role::Init, 5000)), Ok(1000)),
        ("unless they stay", |pod| pod.containers.insert(0, init(Role::Sidecar, 500)), Ok(1500)),
        (
            "one without fails all",
            |pod| pod.containers.push(Container { requests: Requests::new(), ..container("proxy", 0) }),
            Err("container 'proxy' of pod 'a' requests no cpu"),
        ),
        (
            "one that stays, too",
            |pod| pod.containers.insert(0, Container { requests: Requests::new(), ..init(Role::Sidecar, 0) }),
            Err("container 'init' of pod 'a' requests no cpu"),
        ),
        (
            "one that initialises does not",
            |pod| pod.containers.insert(0, Container { requests: Requests::new(), ..init(Role::Init, 0) }),
            Ok(1000),
        ),
    ];
    for (rule, change, expected) in rows {
        assert_eq!(requested(change, None), expected.map_err(str::to_owned), "{rule}");
    }
}

#[test]
fn of_the_pod_as_a_whole() {
    let rows: [(&str, Change, Result<i128, &str>); 9] = [
        ("its own request counts", |pod| pod.requests = requests(3000), Ok(3000)),
        (
            "containers need none then",
            |pod| {
                pod.requests = requests(3000);
                pod.containers = vec![Container { requests: Requests::new(), ..container("main", 0) }];
            },
            Ok(3000),
        ),
        (
            "of a resource that it does not request as a whole, what its containers do",
            |pod| {
                pod.requests = [("memory".to_owned(), Milli(1))].into();
                pod.containers.push(Container { requests: Requests::new(), ..container("proxy", 0) });
            },
            Ok(1000),
        ),
        (
            "those that initialise count if they need more",
            |pod| {
                pod.requests = [("memory".to_owned(), Milli(1))].into();
                pod.containers.insert(0, init(Role::Init, 5000));
                pod.containers.insert(0, init(Role::Sidecar, 200));
            },
            Ok(5200),
        ),
        (
            "and do not if they need less",
            |pod| {
                pod.requests = [("memory".to_owned(), Milli(1))].into();
                pod.containers.insert(0, init(Role::Init, 500));
                pod.containers.insert(0, init(Role::Sidecar, 200));
            },
            Ok(1200),
        ),
        (
            "nobody requests it",
            |pod| {
                pod.requests = [("memory".to_owned(), Milli(1))].into();
                pod.containers.clear();
            },
            Err("pod 'a' requests no cpu"),
        ),
        (
            "with its overhead",
            |pod| {
                pod.requests = requests(3000);
                pod.overhead = requests(250);
            },
            Ok(3250),
        ),
        ("the overhead alone changes nothing", |pod| pod.overhead = requests(250), Ok(1000)),
        (
            "only cpu, memory and huge pages are requested as a whole",
            |pod| pod.requests = [("nvidia.com/gpu".to_owned(), Milli(1000))].into(),
            Ok(1000),
        ),
    ];
    for (rule, change, expected) in rows {
        assert_eq!(requested(change, None), expected.map_err(str::to_owned), "{rule}");
    }
}

#[test]
fn of_a_named_container() {
    let rows: [(&str, Change, &str, Result<i128, &str>); 6] = [
        ("it alone", |pod| pod.containers.push(container("proxy", 100)), "proxy", Ok(100)),
        ("past the pod as a whole", |pod| pod.requests = requests(3000), "main", Ok(1000)),
        ("one that stays", |pod| pod.containers.insert(0, init(Role::Sidecar, 500)), "init", Ok(500)),
        (
            "none that initialises",
            |pod| pod.containers.insert(0, init(Role::Init, 500)),
            "init",
            Err("pod 'a' has no container 'init'"),
        ),
        (
            "without a request",
            |pod| pod.containers.push(Container { requests: Requests::new(), ..container("proxy", 0) }),
            "proxy",
            Err("container 'proxy' of pod 'a' requests no cpu"),
        ),
        (
            "another without does not matter",
            |pod| pod.containers.push(Container { requests: Requests::new(), ..container("proxy", 0) }),
            "main",
            Ok(1000),
        ),
    ];
    for (rule, change, container, expected) in rows {
        assert_eq!(requested(change, Some(container)), expected.map_err(str::to_owned), "{rule}");
    }
}

#[test]
fn one_pod_fails_the_metric_though_it_is_on_its_way_out() {
    let without = Container { requests: Requests::new(), ..container("main", 0) };
    let going = Pod { deleting: true, containers: vec![without], ..pod("going", 0) };
    let reading = resource(&[used("a", &[("main", 900)])]);
    let evaluation = evaluated(&utilization("cpu", 90), &[pod("a", 1000), going.clone()], &reading);
    assert_eq!(evaluation.observed().sample, Err(Invalid::NoRequest));
    // Only a utilization asks.
    assert_eq!(sampled(&average("cpu", "900m"), &[pod("a", 1000), going], &reading), Ok((1.0, false)));
}
