#include "tools/envctl/help.h"

#include <map>

namespace espalier {
namespace {

constexpr char kOverview[] =
    R"(envctl: look at and steer the environments of this checkout

usage: envctl COMMAND [flags] [SERVICE...]

  ps                    the services of an environment
  list                  the environments that are running
  logs [SERVICE...]     their last lines, or a part; -f goes on with new ones
  explain SERVICE...    why it is in its state, and what happens next
  events [SERVICE...]   what happened, also yesterday; -f goes on
  restart SERVICE...    stop and start, and wait until they are ready
  start SERVICE...      start what was stopped, and wait until it is ready
  reload SERVICE...     have it read its changed files without an end
  freeze SERVICE...     stop its processes where they are
  thaw SERVICE...       let them go on
  exec SERVICE -- PROGRAM...  a program that reaches the service: psql, say
  stop [SERVICE...]     stop them; without a service, the whole environment
  completion            a script for bash: source <(envctl completion)
  help [COMMAND]        more about one of these, with examples

Which environment, when more than one is running:
  --environment=NAME    as its program is called: two
  --instance=NAME       as it was started with --instance
  --data_dir=DIRECTORY  as it was started with --data_dir

Exit code: 0 done, 1 not done, 2 not understood.
)";

const std::map<std::string, std::string>& Texts() {
  static const auto* const texts = new std::map<std::string, std::string>{
      {"ps", R"(usage: envctl ps [--json]

Shows each service: its state and since when, the process, how often it was
restarted, where to reach it, and why it is not ready.

  envctl ps
  envctl ps --environment=two --json
)"},
      {"list", R"(usage: envctl list [--json]

Shows which environments of this checkout are running, and since when.

  envctl list
  envctl list --data_dir=/srv/data
)"},
      {"restart", R"(usage: envctl restart SERVICE...

Stops each service and starts it again, one after the other, and waits until it
is ready. Its address stays the same.

  envctl restart links
  envctl restart links gateway --instance=second
)"},
      {"start", R"(usage: envctl start SERVICE...

Starts each service that was stopped or has failed, and waits until it is ready.

  envctl start links
)"},
      {"reload", R"(usage: envctl reload SERVICE...

Has each service read its changed files and go on: no connection is lost. Files
that it could not read are refused, and it goes on with the old ones. For
services that can do so, such as nginx.

  envctl reload nginx
)"},
      {"freeze", R"(usage: envctl freeze SERVICE...

Stops every process of each service where it is, as if the machine had hung for
it: who talks to it waits. Nobody asks meanwhile whether it lives, and it can be
stopped and restarted as ever. `ps` says READY (frozen); `thaw` ends it.

  envctl freeze links
)"},
      {"thaw", R"(usage: envctl thaw SERVICE...

Lets the processes of each service go on that were frozen.

  envctl thaw links
)"},
      {"exec", R"(usage: envctl exec SERVICE -- PROGRAM [ARGUMENT...]

Runs a program of yours, in this directory and on this terminal, which reaches
the service without being told where it is: psql finds database, user and the
file with the password in its environment, redis-cli gets the socket before its
own arguments, and every program finds the address in URL. No password is shown
anywhere. The exit code is the program's; 1 if it could not be run.

  envctl exec postgres -- psql
  envctl exec postgres -- pg_dump --file=dump.sql
  envctl exec redis -- redis-cli MONITOR
  envctl exec gateway -- sh -c 'curl "$URL/health"'
)"},
      {"stop", R"(usage: envctl stop [--with_dependents] [SERVICE...]

Stops each service and waits for its end. One that others still use is not
stopped, unless these are to be stopped as well (--with_dependents). Without a
service: stops the whole environment, in reverse order, and waits for its end.

  envctl stop
  envctl stop gateway
  envctl stop links --with_dependents
)"},
      {"logs", R"(usage: envctl logs [-f] [PART] [SERVICE...]

Shows the last lines of each service's log, or another part of it; of all, if
none is named.

  -f, --follow          go on with new lines as they are written
  -n, --lines=LINES     how many of the last lines (20; 100000 at most)
  --since=TIME          what was printed since then, or so long ago: 14:05, 10m;
                        of a log without times, the whole run that was under way
  --generation=N        what the N-th run printed; with -f, from there on
  --offset=N            from that byte of the log on

  envctl logs
  envctl logs -f links gateway
  envctl logs -n 1000 links
  envctl logs --since=10m
  envctl logs --generation=3 links
)"},
      {"events",
       R"(usage: envctl events [-f] [--since=REVISION|TIME] [--json] [SERVICE...]

Tells what has happened to each service, or to those that are named: every state
it went to, when, and why, that it was frozen or thawed, and every run of a
group's body; over all runs, as far back as the journal goes, also when the
environment does not run any more.

  -f, --follow          go on with what happens
  --since=REVISION      only what came after that revision (the second column)
  --since=TIME          only what happened at that time or later: 10m or 2h30m
                        ago, 14:05 today, "2026-11-24 14:05:30"
  --service=NAME        the same as naming it
  --json                an object in each line, for programs

  envctl events --since=10m
  envctl events -f links gateway
  envctl events --environment=two --json
)"},
      {"completion", R"(usage: envctl completion

Prints a script with which bash completes commands, flags and services.

  source <(envctl completion)
)"},
  };
  return *texts;
}

constexpr char kBashCompletion[] = R"bash(_envctl() {
  local current=${COMP_WORDS[COMP_CWORD]} command= word
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ $word != -* ]] && { command=$word; break; }
  done
  local words="--environment= --instance= --data_dir= --help"
  case $command in
    "") words+=" ps list logs events explain restart start reload freeze
      thaw stop exec completion help" ;;
    ps | list) words+=" --json" ;;
    explain) words+=" --json" ;;&
    logs) words+=" --follow --lines= --since= --generation= --offset=" ;;&
    events) words+=" --follow --since= --json" ;;&
    stop) words+=" --with_dependents" ;;&
    logs | events | explain | restart | start | reload | freeze | thaw | stop | \
      exec)
      words+=" $("$1" ps --json 2>/dev/null |
        sed -n 's/^      "name": "\(.*\)",$/\1/p')" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [[ ${COMPREPLY-} == *= ]] && compopt -o nospace
}
complete -F _envctl envctl
)bash";

}  // namespace

std::string HelpText(const std::string& command) {
  const auto found = Texts().find(command);
  return found == Texts().end() ? kOverview : found->second;
}

std::string BashCompletion() { return kBashCompletion; }

}  // namespace espalier
