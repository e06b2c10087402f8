# The two commands of the README, and what developers run beside them.

# A clip for the organiser of the demo: `make demo CLIP=holiday.mp4`. Without, one is generated.
CLIP ?=
# 180p, 360p, or on a machine with more than two cores 720p.
SIZE ?= 360p

.PHONY: demo test lint bench-relay bench-plan bench-netsim install

demo: install
	cargo build --release -p canopy
	./target/release/canopy demo --size $(SIZE) $(if $(CLIP),--file '$(CLIP)')

# The relay-only program comes first: the tests then build the whole one in its place.
test: install
	cargo build -p canopy --no-default-features
	.ci/libc-only target/debug/canopy
	cargo test --workspace --exclude overlay-bench

lint: install
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	@command -v cargo-deny >/dev/null && cargo deny check || echo "cargo-deny isn't installed: licences and advisories were not checked"

# A relay's processor time for each delivered copy, beside a plain QUIC forwarder and gossipsub.
bench-relay:
	cargo run --release -p overlay-bench -- relay

# What plans for ten thousand people cost, and how good they are.
bench-plan:
	cargo run --release -p overlay-core --example plan

# What simulated meetings cost: events and unit hops in a second of one core, at three sizes.
bench-netsim:
	cargo build --release -p netsim
	for people in 6 50 200; do ./target/release/netsim run netsim/scenarios/s6-churn.toml --people $$people --length 30s --out target/netsim/bench-$$people; done

install:
	@.ci/install
