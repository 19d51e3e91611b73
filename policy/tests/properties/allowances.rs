//! What a call may do is within what its tool may do, and that within what the operator allows.

use policy::{Effects, Mode, Policy, Scope};
use routes::{Effect, Route};

use crate::sequence::Sequence;
use crate::{about, allowance, anything, asked, cases, everything, names, requests};

const NAMES: [&[&str]; 5] = [&[], &["docs"], &["docs", "hr"], &["docs_*"], &["d*", "hr"]];

fn any_policy(random: &mut Sequence) -> Policy {
    let mut policy = Policy::new(*random.pick(&Mode::ALL));
    if random.once_in(2) {
        policy = policy.allow(*random.pick(&Effect::ALL));
    }
    if random.once_in(2) {
        policy = policy.collections(names(random.pick::<&[&str]>(&NAMES)));
    }
    if random.once_in(4) {
        policy = policy.databases(names(random.pick::<&[&str]>(&[&["a"], &["d", "a"], &[]])));
    }
    if random.once_in(3) {
        policy = policy.outside(*random.pick(&["http://tei/", "in/"]));
    }
    policy
}

fn any_tool(random: &mut Sequence) -> Effects {
    let count = random.below(5);
    Effects::of(
        &(0..count)
            .map(|_| *random.pick(&Effect::ALL))
            .collect::<Vec<_>>(),
    )
}

#[test]
fn t26_what_a_call_lets_out_its_tool_and_its_operator_let_out() {
    let requests = requests();
    let mut random = Sequence(26);
    let (mut let_out, mut held_back) = (0_u32, 0_u32);
    for _ in 0..cases() {
        let (route, content) = *random.pick(&requests);
        let content = content.as_bytes();
        let (policy, tool) = (any_policy(&mut random), any_tool(&mut random));
        let call = Scope::of(tool).about(about(random.pick::<&[&str]>(&NAMES)));
        let passes = |policy: &Policy, call: &Scope| {
            asked(&allowance(policy.clone(), call.clone()), route, content).is_ok()
        };
        let by_call = passes(&policy, &call);
        let by_tool = passes(&policy, &Scope::of(tool));
        let by_policy = passes(&policy, &anything());
        let shown = format!(
            "{} {:?} under\n{policy}\nand\n{call:?}",
            route.name, content
        );
        assert!(!by_call || by_tool, "{shown}");
        assert!(!by_tool || by_policy, "{shown}");
        let open = policy.clone().outside("http://tei/").outside("in/");
        assert!(!by_policy || passes(&open, &anything()), "{shown}");
        let_out += u32::from(by_call);
        held_back += u32::from(by_policy && !by_call);
    }
    assert!(
        let_out > cases() / 100 && held_back > cases() / 100,
        "{let_out} {held_back}"
    );
}

#[test]
fn t29_t55_what_reads_only_lets_nothing_out_but_what_reads() {
    let requests = requests();
    let mut random = Sequence(29);
    let reading = Policy::new(Mode::ReadOnly);
    let only = Effects::of(&[Effect::Read]);
    let pieces = [
        "\"properties\":{},",
        "\"ttlSeconds\":1,",
        "\"type\":\"TextEmbedding\",",
        "\"strategy\":\"model\",",
    ];
    let mut let_out = 0;
    for _ in 0..cases() {
        let (route, content): (&Route, &str) = *random.pick(&requests);
        let content = random.mutated(content.as_bytes(), &pieces);
        for (policy, call) in [(&reading, anything()), (&everything(), Scope::of(only))] {
            let Ok(admitted) = asked(&allowance(policy.clone(), call), route, &content) else {
                continue;
            };
            let_out += 1;
            assert!(route.effects().eq([Effect::Read]), "{}", route.name);
            assert!(
                policy != &reading || admitted.effects() == only,
                "{}",
                route.name
            );
        }
    }
    assert!(let_out > cases() / 100, "{let_out}");
}
