%% A supervisor of Erlang/OTP with so many servers, each of which holds a port
%% that runs the measured program and ends with it, to be started again at once:
%%
%%   escript otp_bench.erl PROGRAM LEDGER SERVICES
-module(otp_bench).
-mode(compile).
-behaviour(supervisor).
-export([main/1, init/1, start_link/3]).

main([Program, Ledger, Services]) ->
    Count = list_to_integer(Services),
    {ok, _} = supervisor:start_link(?MODULE, {Program, Ledger, Count}),
    receive after infinity -> ok end.

init({Program, Ledger, Count}) ->
    Services = [#{id => Index, restart => permanent, shutdown => brutal_kill,
                  start => {?MODULE, start_link,
                            [Program,
                             [Ledger, integer_to_list(Index),
                              integer_to_list(Count)],
                             self()]}}
                || Index <- lists:seq(0, Count - 1)],
    {ok, {#{strategy => one_for_one, intensity => 1000000, period => 1},
          Services}}.

start_link(Program, Arguments, _Supervisor) ->
    {ok, proc_lib:spawn_link(fun() -> run(Program, Arguments) end)}.

run(Program, Arguments) ->
    Port = open_port({spawn_executable, Program},
                     [{args, Arguments}, exit_status]),
    receive {Port, {exit_status, _}} -> exit(ended) end.
