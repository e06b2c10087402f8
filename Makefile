# The two commands of the README, and what developers run beside them.

# A clip for the organiser of the demo: `make demo CLIP=holiday.mp4`. Without, one is generated.
CLIP ?=
# 180p, 360p, or on a machine with more than two cores 720p.
SIZE ?= 360p

.PHONY: demo live calibrate test fuzz lint a11y bench-relay bench-plan bench-overlay bench-keys search-keys bench-netsim bench-page install

demo: install
	cargo build --release -p canopy
	./target/release/canopy demo --size $(SIZE) $(if $(CLIP),--file '$(CLIP)')

# Twelve processes on machines of their own (network namespaces, for root on Linux), behind shaped uplinks: one is reached
# by TCP only, and the strongest relay is killed.
LIVE = nice -n -10 ./target/release/netsim-live
live: install
	cargo build --release -p canopy -p netsim-live
	$(LIVE) meeting

# Delays of twenty such processes beside those of the simulator, by the same scenario and three seeds.
calibrate: install
	cargo build --release -p canopy -p netsim-live
	$(LIVE) calibrate

# The relay-only program comes first: the tests then build the whole one in its place.
test: install
	cargo build -p canopy --no-default-features
	.ci/libc-only target/debug/canopy
	CANOPY_NO_BROWSER="$$(.ci/browser)" cargo test --workspace --exclude overlay-bench --exclude keyagree-bench

# Longer than `make test`: decoders, sequences of inputs to key agreement and to a node of the overlay, and meetings in
# which all goes wrong.
fuzz:
	CANOPY_FUZZ=200 CANOPY_CHAOS=2000 cargo test --release -p keyagree --test it -- garbage chaos
	CANOPY_FUZZ=50 cargo test --release -p overlay-core --test it -- garbage

lint: install
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	@if command -v npm >/dev/null; then .ci/page/types; else echo "npm isn't installed: the page's types were not checked"; fi
	@command -v cargo-deny >/dev/null && cargo deny check || echo "cargo-deny isn't installed: licences and advisories were not checked"

# A relay's processor time for each delivered copy, beside a plain QUIC forwarder and gossipsub.
bench-relay:
	cargo run --release -p overlay-bench -- relay

# Joins and leaves of 10 to 10,000 members beside MLS, a million forged frames, sealing beside the bare cipher.
bench-keys:
	cargo run --release -p keyagree-bench -- costs

# A minute's search through what a network and crashes can do to the keys of a meeting of three.
search-keys:
	cargo run --release -p keyagree-bench -- search

# What axe finds in the page: needs npm and Chromium, for developers only.
a11y: install
	.ci/page/install
	CANOPY_AXE="$$(pwd)/.ci/page/node_modules/axe-core/axe.min.js" cargo test -p canopy --test it -- --ignored axe_finds --nocapture

# Pictures a second, delay and processor of the page with 1, 4, 9 and 16 others, as JSON lines.
bench-page: install
	cargo test -p canopy --test it -- --ignored bench_page --nocapture

# What the overlay is measured by: plans of ten thousand people, then meetings beside what others would do. Half an hour.
bench-overlay:
	cargo run --release -p overlay-core --example plan -- 7 8 9
	cargo run --release -p netsim -- figures

# What plans for ten thousand people cost, and how good they are.
bench-plan:
	cargo run --release -p overlay-core --example plan

# What simulated meetings cost in processor time ("user", s): with the overlay at three sizes; the world alone, which a
# star has, at two and as a full meeting of 10,000; and 1,000 people for ten minutes with faults, if there is half an hour.
SIM = ./target/release/netsim run netsim/scenarios
bench-netsim:
	cargo build --release -p netsim
	for people in 6 50 200; do bash -c "time -p $(SIM)/s6-churn.toml --people $$people --length 30s --out target/netsim/bench-$$people"; done
	for people in 200 1000; do bash -c "time -p $(SIM)/s6-churn.toml --people $$people --length 30s --system star --out target/netsim/bench-star-$$people"; done
	bash -c "time -p $(SIM)/town-hall-10000.toml --length 6s --system star --set models.star_kbps=60000000 --out target/netsim/bench-star-10000"
	bash -c "time -p timeout --signal=INT 1800 $(SIM)/s6-churn.toml --people 1000 --length 10m --out target/netsim/bench-1000"

install:
	@.ci/install
