//! Loads with an outcome that can be told beforehand.

use super::{Model, World};
use crate::cache::CopyId;
use crate::compute::arrival::Refusal;
use crate::compute::call::CallId;
use crate::compute::core::{Core, Limits, Piece, Read};
use std::time::Duration;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn us(n: u64) -> Duration {
    Duration::from_micros(n)
}

fn limits(threads: usize) -> Limits {
    let queue_bytes = 1 << 20;
    Limits { threads, queue: 1024, model_queue: 512, queue_bytes, max_wait: Duration::from_secs(10) }
}

/// A model whose calls run alone and cost so much.
fn alone(run: Duration) -> Model {
    Model { decode: us(20), run, row: Duration::ZERO, encode: us(10), most: 1 }
}

/// Models that always have work get equal time, whatever a call of them costs.
#[test]
fn time_is_shared_equally() {
    for threads in 1..4 {
        let models = [us(100), us(700), ms(2), ms(4)].map(alone);
        let mut world = World::new(1, limits(threads), models.to_vec());
        while world.now < Duration::from_secs(5) {
            for model in 0..4 {
                while world.open[model] < 8 {
                    world.arrive(model, None).expect("there is room");
                }
            }
            world.advance();
        }
        let (least, most) = (world.had.iter().min().unwrap(), world.had.iter().max().unwrap());
        assert!(*most - *least < ms(4) * (threads as u32 + 2), "{:?} on {threads} threads", world.had);
    }
}

/// A model that comes after an hour of silence has no credit for it: the others are not held up until it has caught up.
#[test]
fn silence_earns_nothing() {
    let mut world = World::new(2, limits(1), vec![alone(ms(1)), alone(ms(1))]);
    world.arrive(1, None).expect("there is room");
    while world.now < Duration::from_secs(10) {
        while world.open[0] < 4 {
            world.arrive(0, None).expect("there is room");
        }
        world.advance();
    }
    let before = world.had.clone();
    while world.now < Duration::from_secs(11) {
        for model in 0..2 {
            while world.open[model] < 4 {
                world.arrive(model, None).expect("there is room");
            }
        }
        world.advance();
    }
    let gained: Vec<Duration> = world.had.iter().zip(&before).map(|(now, then)| *now - *then).collect();
    assert!(gained[0].abs_diff(gained[1]) < ms(5), "{gained:?}");
}

/// A thousand small models beside a heavy one that always has work: on two threads a small call finds one at once, on one thread it
/// waits for the heavy piece that is under way, and nothing else.
#[test]
fn small_models_do_not_feel_a_heavy_one() {
    for (threads, most) in [(1, ms(45)), (2, ms(2)), (4, ms(1))] {
        let mut models = vec![alone(us(100)); 1000];
        models.push(alone(ms(30)));
        let mut world = World::new(3, limits(threads), models);
        // The server knows the heavy model: before its first run nobody does.
        world.arrive(1000, None).expect("there is room");
        while world.advance() {}
        let from = world.now;
        for n in 0..3000u32 {
            while world.open[1000] < 8 {
                world.arrive(1000, None).expect("there is room");
            }
            // A thousand a second, at odd moments.
            let model = world.random.usize(..1000);
            world.arrive(model, None).expect("there is room");
            let pause = us(world.random.u64(..2000));
            world.until(from + ms(1) * n + pause);
        }
        let small = world.answered.iter().filter(|(model, ..)| *model < 1000);
        let worst = small.map(|(_, time, _)| *time).max().unwrap_or_default();
        assert!(worst < most, "{worst:?} on {threads} threads");
        let heavy = world.had[1000].as_secs_f64() / (world.now - from).as_secs_f64();
        assert!(heavy > 0.8, "the heavy one had {heavy} of a thread");
        world.settle();
    }
}

/// Small models that ask for more than there is do not shut a heavy one out: it gets what each of them gets.
#[test]
fn nobody_starves() {
    let mut models = vec![alone(us(500)); 40];
    models.push(alone(ms(20)));
    let mut world = World::new(4, limits(2), models);
    while world.now < Duration::from_secs(20) {
        for model in 0..41 {
            while world.open[model] < 4 {
                world.arrive(model, None).expect("there is room");
            }
        }
        world.advance();
    }
    let share = Duration::from_secs(40) / 41;
    assert!(world.had[40].abs_diff(share) < ms(60), "{:?} instead of {share:?}", world.had[40]);
}

/// Calls that come while others run are run together, and the first of them at once.
#[test]
fn calls_that_wait_run_together() {
    let batched = Model { decode: us(20), run: ms(1), row: us(50), encode: us(10), most: 16 };
    let mut world = World::new(5, limits(2), vec![batched]);
    world.arrive(0, None).expect("there is room");
    world.settle();
    assert!(world.answered[0].1 < us(1300), "a lone call waits for nobody: {:?}", world.answered);
    for _ in 0..2000 {
        while world.open[0] < 64 {
            world.arrive(0, None).expect("there is room");
        }
        world.advance();
    }
    assert!(world.largest_run > 8, "{}", world.largest_run);
    let each = world.now / u32::try_from(world.answered.len()).unwrap();
    assert!(each < us(200), "{each:?} a call; alone it is 540 µs on each of two threads");
}

/// At twice of what the threads can do, those who are taken are answered in time, and the others know at once.
#[test]
fn whoever_is_taken_is_served_in_time() {
    for patience in [ms(20), ms(200)] {
        let mut world = World::new(6, limits(2), vec![alone(us(970)), alone(us(470))]);
        let mut asked = 0;
        while world.now < Duration::from_secs(20) {
            for model in 0..2 {
                let _ = world.arrive(model, Some(patience));
                asked += 1;
            }
            // A call of each costs 1.5 ms; two threads do both in 0.75.
            let moment = world.now + us(world.random.u64(..750));
            world.until(moment);
        }
        let late = world.answered.iter().filter(|(_, _, wait)| *wait > patience * 5 / 4).count();
        assert!(late * 100 < world.answered.len(), "{late} of {} began late", world.answered.len());
        assert!(world.refused * 3 > asked, "{} of {asked} refused", world.refused);
        let used: Duration = world.had.iter().sum();
        assert!(used > world.now * 2 * 95 / 100, "threads were idle: {used:?} in {:?}", world.now);
    }
}

/// One model's calls fill its own part of the queue and no more, and say so.
#[test]
fn one_model_cannot_fill_the_queue() {
    let limits = Limits { queue: 20, model_queue: 10, ..limits(1) };
    let mut world = World::new(7, limits, vec![alone(ms(1)), alone(ms(1)), alone(ms(1))]);
    let refusals =
        |world: &mut World, model| (0..30).filter_map(|_| world.arrive(model, None).err()).collect();
    let of_one: Vec<Refusal> = refusals(&mut world, 0);
    assert!(of_one.len() == 19 && of_one.iter().all(|r| *r == Refusal::ModelQueueFull(10)), "{of_one:?}");
    let of_next: Vec<Refusal> = refusals(&mut world, 1);
    assert_eq!(of_next.len(), 20, "{of_next:?}");
    let of_third: Vec<Refusal> = refusals(&mut world, 2);
    assert!(of_third.iter().all(|r| *r == Refusal::QueueFull(20)) && of_third.len() == 30, "{of_third:?}");
    world.settle();
    let patient = world.arrive(0, Some(Duration::ZERO));
    assert!(patient.is_ok(), "where nobody waits, nobody is refused: {patient:?}");
}

/// Does the pieces of a call where `next` says, as if it had one row.
fn follow(core: &mut Core<u8>, call: CallId, next: fn(&mut Core<u8>, CallId) -> Option<Piece>) {
    assert_eq!(next(core, call), Some(Piece::Decode(call)));
    core.decoded(call, us(20), Read { form: Some(0), rows: 1, most: 8, bytes: 0 });
    assert_eq!(next(core, call), Some(Piece::Run(vec![call])));
    core.ran(&[call], us(40));
    assert_eq!(next(core, call), Some(Piece::Encode(call)));
    core.ended(call, us(10));
}

/// A light call is done by the thread that it came by once the model is known to be light, and while nothing else is done or waits.
#[test]
fn a_light_call_is_done_where_it_came() {
    let (light, other) = (CopyId(1), CopyId(2));
    let mut core = Core::<u8>::new(limits(1));
    let first = core.arrive(light, 0, None).expect("there is room");
    assert_eq!(core.next_here(first), None, "nobody knows yet what it costs");
    follow(&mut core, first, |core, _| core.next_piece());
    let second = core.arrive(light, 0, None).expect("there is room");
    follow(&mut core, second, Core::next_here);
    let of_rows = core.arrive(light, 0, None).expect("there is room");
    assert_eq!(core.next_here(of_rows), Some(Piece::Decode(of_rows)));
    core.decoded(of_rows, us(20), Read { form: Some(0), rows: 8, most: 8, bytes: 0 });
    assert_eq!(core.next_here(of_rows), None, "so many rows may take longer");
    assert_eq!(core.next_piece(), Some(Piece::Run(vec![of_rows])));
    let meanwhile = core.arrive(light, 0, None).expect("there is room");
    assert_eq!(core.next_here(meanwhile), None, "the threads have enough to do");
    core.ran(&[of_rows], us(80));
    assert_eq!(core.next_here(meanwhile), None, "an answer waits to be written");
    assert_eq!(core.next_piece(), Some(Piece::Encode(of_rows)));
    core.ended(of_rows, us(10));
    let _ = core.arrive(other, 0, None).expect("there is room");
    assert_eq!(core.next_here(meanwhile), None, "another model waits");
}

/// Large calls wait within their bytes, those of one model within half of them; one that finds nobody is taken however large it is.
#[test]
fn bytes_that_wait_are_bounded() {
    let limits = Limits { queue_bytes: 1000, ..limits(1) };
    let mut world = World::new(8, limits, vec![alone(ms(1)); 4]);
    let mut arrive = |model, bytes| world.arrive_with(model, bytes, None).err();
    // The thread takes the first: it does not wait.
    assert_eq!(arrive(0, 5000), None);
    assert_eq!(arrive(0, 4000), None, "the only one that waits");
    assert_eq!(arrive(1, 1), Some(Refusal::BytesFull(1000)));
    world.settle();
    let mut arrive = |model, bytes| world.arrive_with(model, bytes, None).err();
    assert_eq!(arrive(0, 1), None);
    assert_eq!((arrive(1, 300), arrive(1, 200)), (None, None));
    assert_eq!(arrive(1, 1), Some(Refusal::ModelBytesFull(500)));
    assert_eq!((arrive(2, 400), arrive(3, 101)), (None, Some(Refusal::BytesFull(1000))));
    assert_eq!(arrive(3, 100), None, "to the last byte");
    world.settle();
    assert_eq!(world.answered.len() + world.refused, 10);
}
