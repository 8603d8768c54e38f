# Runs one PostgreSQL cluster and ends it when standard input ends.
# usage: guard.sh BIN DIR OPTION...; reads init, follow FOLDER (of another
# cluster, which runs), start, stop, kill or promote, one a line, and answers
# each with its exit status on a line.
bin=$1 dir=$2
shift 2
# Whoever reads our answers may be gone; the work is done all the same.
trap '' PIPE
cd "$dir" || exit
touch gone

# launch runs the server until it ends. It is the server's parent, so that a
# killed server is reaped here and its process id is not mistaken for a living one.
launch() {
	rm -f gone
	("$bin/postgres" -D data -k "$dir" "$@" </dev/null; touch gone) &
	until "$bin/pg_isready" -q -h "$dir"; do
		[ ! -e gone ] || return 1
		sleep 0.02
	done
}

# start tries for two seconds: after a kill, the last backends of the old
# server hold its shared memory for some milliseconds.
start() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		! launch "$@" || return 0
		sleep 0.2
	done
	return 1
}

# finish signals the server until it is gone; one that is just starting may
# not have written its process id yet.
finish() {
	until [ -e gone ]; do
		[ ! -s data/postmaster.pid ] || kill -s "$1" "$(head -n 1 data/postmaster.pid)"
		sleep 0.02
	done
}

while read -r deed of; do
	case $deed in
	init) "$bin/initdb" -D data -U postgres -A trust -E UTF8 --locale=C --no-sync ;;
	follow) "$bin/pg_basebackup" -h "$of" -U postgres -D data -R -c fast --no-sync ;;
	promote) "$bin/pg_ctl" promote -D data ;;
	start) start "$@" ;;
	stop) finish INT ;;
	kill) finish KILL ;;
	*) false ;;
	esac >>log 2>&1
	echo $?
done
finish QUIT >>log 2>&1
cd / && rm -rf "$dir"
