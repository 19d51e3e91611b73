//! The names of the attacks. Both packages include this file, the guest that makes them and the tests that run them, and
//! neither compiles with a name that it does not use: there is no attack without a test, and no test without an attack.

#![deny(dead_code)]

macro_rules! attacks {
    ($($constant:ident = $name:literal;)*) => {
        $(pub(crate) const $constant: &str = $name;)*

        /// All of them, for the guest to see that its tables hold no other.
        #[allow(dead_code, reason = "only the guest asks")]
        pub(crate) const ALL: &[&str] = &[$($name),*];
    };
}

attacks! {
    ALL_MEMORY = "all_memory";
    ANOTHER_AUTHORITY = "another_authority";
    ANOTHER_LENGTH = "another_length";
    ANOTHER_METHOD = "another_method";
    ANOTHER_OPERATION = "another_operation";
    ANOTHER_PATH = "another_path";
    ANOTHER_SCHEME = "another_scheme";
    BODY_GIVEN_UP = "body_given_up";
    BODY_NEVER_FINISHED = "body_never_finished";
    BODY_ON_GET = "body_on_get";
    BODY_WITHOUT_END = "body_without_end";
    BUSY_SLEEP = "busy_sleep";
    CHANGE_HEADERS_LATER = "change_headers_later";
    ENDLESS_CALLS = "endless_calls";
    ENDLESS_LOOP = "endless_loop";
    ENDLESS_POLL = "endless_poll";
    ENDLESS_RECURSION = "endless_recursion";
    ENDLESS_SLEEP = "endless_sleep";
    GIVE_UP_REQUESTS_IN_FLIGHT = "give_up_requests_in_flight";
    GUESS_THE_CREDENTIAL = "guess_the_credential";
    HANDLE_OF_ANOTHER_KIND = "handle_of_another_kind";
    HANDLE_USED_TWICE = "handle_used_twice";
    HEADERS_OF_ITS_OWN = "headers_of_its_own";
    HUGE_ANSWER = "huge_answer";
    HUGE_HEADER = "huge_header";
    HUGE_LIST = "huge_list";
    HUGE_PARTS = "huge_parts";
    HUGE_READ = "huge_read";
    HUGE_WAIT = "huge_wait";
    HUGE_ZEROES = "huge_zeroes";
    LEAVE_A_MARK = "leave_a_mark";
    LENGTHS_ONLY_DECLARED = "lengths_only_declared";
    LENGTH_WITHOUT_BODY = "length_without_body";
    LOOK_FOR_A_MARK = "look_for_a_mark";
    MADE_UP_CLOCK = "made_up_clock";
    MADE_UP_STREAM = "made_up_stream";
    MANY_ANSWERS = "many_answers";
    MANY_BODIES = "many_bodies";
    MANY_FIELDS = "many_fields";
    MANY_FUTURES = "many_futures";
    MANY_HEADERS = "many_headers";
    MANY_OPTIONS = "many_options";
    MANY_POLLABLES = "many_pollables";
    MANY_STREAMS = "many_streams";
    NO_AUTHORITY = "no_authority";
    NO_LENGTH = "no_length";
    NO_PATH = "no_path";
    NO_SCHEME = "no_scheme";
    ORDINARY_REQUEST = "ordinary_request";
    PANIC = "panic";
    PATIENCE = "patience";
    REQUESTS_AT_ONCE = "requests_at_once";
    RETURN_IN_A_WHOLE_BODY = "return_in_a_whole_body";
    RETURN_WITH_REQUESTS_IN_FLIGHT = "return_with_requests_in_flight";
    SCRIPT = "script";
    SEARCH_FOR_THE_CREDENTIAL = "search_for_the_credential";
    SEVERAL_OPERATIONS = "several_operations";
    SPEAK_GRPC = "speak_grpc";
    THOUSANDS_OF_REQUESTS = "thousands_of_requests";
    TIME_OUT_WITH_REQUESTS_IN_FLIGHT = "time_out_with_requests_in_flight";
    TRAILERS = "trailers";
    TRAP_IN_A_WHOLE_BODY = "trap_in_a_whole_body";
    TRAP_WITH_REQUESTS_IN_FLIGHT = "trap_with_requests_in_flight";
    TWO_LENGTHS = "two_lengths";
    UNREACHABLE = "unreachable";
}
