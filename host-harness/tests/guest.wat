;; A component's core that does one thing for each first letter of a tool's name. Names of exports and the layout of
;; values are those of the component model's canonical ABI for the world `tools-plugin`.
(module
  (import "wasi:http/types@0.2.12" "[constructor]fields" (func $fields (result i32)))
  (import "wasi:http/types@0.2.12" "[method]fields.append" (func $append (param i32 i32 i32 i32 i32 i32)))
  (import "wasi:http/types@0.2.12" "[constructor]outgoing-request" (func $request (param i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-scheme"
    (func $set_scheme (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-authority"
    (func $set_authority (param i32 i32 i32 i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-path-with-query"
    (func $set_path (param i32 i32 i32 i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]future-incoming-response.subscribe" (func $ready (param i32) (result i32)))
  (import "wasi:http/outgoing-handler@0.2.12" "handle" (func $handle (param i32 i32 i32 i32)))
  (import "wasi:clocks/monotonic-clock@0.2.12" "subscribe-duration" (func $sleep (param i64) (result i32)))
  (import "wasi:io/poll@0.2.12" "[method]pollable.block" (func $block (param i32)))
  (import "wasi:io/poll@0.2.12" "poll" (func $poll (param i32 i32 i32)))

  (memory (export "memory") 2)
  (global $top (mut i32) (i32.const 65536))
  (global $mark (mut i64) (i64.const 0))
  (table $marks 1000 funcref)
  (elem declare func $recurse)
  (data (i32.const 1024) "/v1/vector/collections")
  (data (i32.const 1100) "/forbidden")
  (data (i32.const 1200) "127.0.0.1:1")
  (data (i32.const 1300) "a-header")
  (data (i32.const 1400) "query")
  (data (i32.const 1410) "instantly")
  ;; Two tools that say they read: the name, four empty texts, three hints, the class.
  (data (i32.const 3100)
    "\78\05\00\00\05\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\01\00\00\00\a8\05\00\00\01\00\00\00"
    "\82\05\00\00\09\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\01\00\00\00\a8\05\00\00\01\00\00\00")
  (data (i32.const 1440) "read\00\00\00\00\a0\05\00\00\04\00\00\00")

  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
    (global.set $top (i32.add (local.get $at) (local.get 3)))
    (if (i32.gt_u (global.get $top) (i32.shl (memory.size) (i32.const 16)))
      (then
        (drop (memory.grow
          (i32.shr_u (i32.add (i32.sub (global.get $top) (i32.shl (memory.size) (i32.const 16))) (i32.const 65535))
            (i32.const 16))))))
    (local.get $at))

  ;; GET with a path, to an authority; answers the future of the answer.
  (func $get (param $authority i32) (param $length i32) (param $path i32) (param $path_length i32) (result i32)
    (local $request i32)
    (local.set $request (call $request (call $fields)))
    (drop (call $set_scheme (local.get $request) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0)))
    (drop (call $set_authority (local.get $request) (i32.const 1) (local.get $authority) (local.get $length)))
    (drop (call $set_path (local.get $request) (i32.const 1) (local.get $path) (local.get $path_length)))
    (call $handle (local.get $request) (i32.const 0) (i32.const 0) (i32.const 2048))
    (i32.load (i32.const 2056)))

  (func $wait (param $future i32)
    (call $block (call $ready (local.get $future))))

  ;; Traps if anything is left of another call in a global, a table, memory that was there and memory that is new; then
  ;; leaves something in each.
  (func $canary
    (local $at i32)
    (if (i64.ne (global.get $mark) (i64.const 0)) (then (unreachable)))
    (global.set $mark (i64.const 0x6d61726b6d61726b))
    (local.set $at (i32.const 0))
    (loop $more
      (if (i32.eqz (ref.is_null (table.get $marks (local.get $at)))) (then (unreachable)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $more (i32.lt_u (local.get $at) (table.size $marks))))
    (table.fill $marks (i32.const 0) (ref.func $recurse) (table.size $marks))
    (drop (memory.grow (i32.const 8)))
    ;; What lies below is the component's own: its data, and the arguments of this call.
    (local.set $at (i32.const 98304))
    (loop $more
      (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then (unreachable)))
      (i64.store (local.get $at) (i64.const 0x6d61726b6d61726b))
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (br_if $more (i32.lt_u (local.get $at) (i32.shl (memory.size) (i32.const 16))))))

  (func $recurse (param i32) (result i32)
    (i32.add (call $recurse (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))

  (func (export "milvus:vector-store/tools@0.1.0#list-tools") (result i32)
    (call $wait (call $get (i32.const 1200) (i32.const 11) (i32.const 1024) (i32.const 22)))
    (i32.store (i32.const 3000) (i32.const 3100))
    (i32.store (i32.const 3004) (i32.const 2))
    (i32.const 3000))

  (func (export "milvus:vector-store/server@0.1.0#probe")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (unreachable))

  ;; Behind the pointer: uri 0 4, token 8, database 20, server 32, timeout 44, options 52, name 60 64, arguments 68 72.
  (func (export "milvus:vector-store/tools@0.1.0#call-tool") (param $call i32) (result i32)
    (local $what i32)
    (local $uri i32)
    (local $length i32)
    (local.set $uri (i32.load (local.get $call)))
    (local.set $length (i32.load offset=4 (local.get $call)))
    (local.set $what (i32.load8_u (i32.load offset=60 (local.get $call))))

    (if (i32.eq (local.get $what) (i32.const 0x61)) ;; a: answers its arguments
      (then
        (i32.store (i32.const 3004) (i32.load offset=68 (local.get $call)))
        (i32.store (i32.const 3008) (i32.load offset=72 (local.get $call)))))
    (if (i32.eq (local.get $what) (i32.const 0x62)) ;; b: answers more than may cross
      (then
        (drop (memory.grow (i32.const 2000)))
        (i32.store (i32.const 3004) (i32.const 0))
        (i32.store (i32.const 3008) (i32.const 120000000))))
    (if (i32.eq (local.get $what) (i32.const 0x63)) ;; c: traps if another call was here before
      (then (call $canary)))
    (if (i32.eq (local.get $what) (i32.const 0x65)) ;; e: a typed error
      (then (i32.store8 (i32.const 3000) (i32.const 1))))
    (if (i32.eq (local.get $what) (i32.const 0x66)) ;; f: a header without end
      (then
        (local.set $uri (call $fields))
        (loop $more
          (call $append (local.get $uri) (i32.const 1300) (i32.const 8) (i32.const 1024) (i32.const 22) (i32.const 4000))
          (br $more))))
    (if (i32.eq (local.get $what) (i32.const 0x68)) ;; h: handles without end
      (then (loop $more (drop (call $fields)) (br $more))))
    (if (i32.eq (local.get $what) (i32.const 0x69)) ;; i: asks, and returns without waiting
      (then
        (drop (call $get
          (i32.add (local.get $uri) (i32.const 7)) (i32.sub (local.get $length) (i32.const 7))
          (i32.const 1024) (i32.const 22)))))
    (if (i32.eq (local.get $what) (i32.const 0x6c)) ;; l: loops
      (then (loop $more (br $more))))
    (if (i32.eq (local.get $what) (i32.const 0x6d)) ;; m: memory without end
      (then
        (loop $more (br_if $more (i32.ne (memory.grow (i32.const 100)) (i32.const -1))))
        (unreachable)))
    (if (i32.eq (local.get $what) (i32.const 0x6f)) ;; o: reads beyond its memory
      (then (drop (i32.load (i32.const -8)))))
    (if (i32.eq (local.get $what) (i32.const 0x70)) ;; p: polls for centuries
      (then (call $block (call $sleep (i64.const -1)))))
    (if (i32.eq (local.get $what) (i32.const 0x79)) ;; y: polls one pollable millions of times at once
      (then
        (drop (memory.grow (i32.const 1100)))
        (local.set $uri (call $sleep (i64.const 0)))
        (local.set $length (i32.const 131072))
        (loop $more
          (i32.store (local.get $length) (local.get $uri))
          (local.set $length (i32.add (local.get $length) (i32.const 4)))
          (br_if $more (i32.lt_u (local.get $length) (i32.const 60000000))))
        (call $poll (i32.const 131072) (i32.const 2500000) (i32.const 4000))))
    (if (i32.eq (local.get $what) (i32.const 0x71)) ;; q: asks its endpoint for the collections, and waits
      (then
        (call $wait (call $get
          (i32.add (local.get $uri) (i32.const 7)) (i32.sub (local.get $length) (i32.const 7))
          (i32.const 1024) (i32.const 22)))))
    (if (i32.eq (local.get $what) (i32.const 0x73)) ;; s: recurses without end
      (then (drop (call $recurse (i32.const 0)))))
    (if (i32.eq (local.get $what) (i32.const 0x74)) ;; t: traps
      (then (unreachable)))
    (if (i32.eq (local.get $what) (i32.const 0x77)) ;; w: asks for what is no route, and fails
      (then
        (call $wait (call $get
          (i32.add (local.get $uri) (i32.const 7)) (i32.sub (local.get $length) (i32.const 7))
          (i32.const 1100) (i32.const 10)))
        (i32.store8 (i32.const 3000) (i32.const 1))))
    (if (i32.eq (local.get $what) (i32.const 0x78)) ;; x: uses a handle that it was never given
      (then (call $block (i32.const 77))))
    (i32.const 3000))
)
