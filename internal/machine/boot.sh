# boot.sh outside|inside|away FOLDER NAME TARGET, in a private mount namespace
stage=$1 dir=$2 name=$3 target=$4
case $stage in
outside)
	# A control group of its own is the root of what systemd sees.
	mkdir "$dir/cgroup"
	mount -t cgroup2 cgroup2 "$dir/cgroup"
	mkdir "$dir/cgroup/$name"
	echo $$ >"$dir/cgroup/$name/cgroup.procs"
	# Its disk outlives a boot.
	mkdir "$dir/machine"
	mount -t tmpfs tmpfs "$dir/machine"
	mkdir "$dir/machine/up" "$dir/machine/work" "$dir/machine/root"
	# The first process of a machine that reboots is ended by a hangup.
	status=129
	while [ "$status" = 129 ]; do
		status=0
		setpriv --pdeathsig KILL unshare --pid --cgroup --uts --ipc --net --mount --fork --kill-child \
			sh -eu "$0" inside "$dir" "$name" "$target" || status=$?
	done
	exit "$status"
	;;
inside)
	cd "$dir/machine"
	mount -t overlay overlay -o "lowerdir=/,upperdir=$PWD/up,workdir=$PWD/work" root
	mount -t proc proc root/proc
	mount --bind root/proc/sys root/proc/sys
	mount -o remount,bind,ro root/proc/sys # the kernel's settings are not the machine's own
	mount -t sysfs -o ro sysfs root/sys
	mount -t cgroup2 cgroup2 root/sys/fs/cgroup
	mount -t tmpfs -o mode=755 tmpfs root/run
	mount -t tmpfs -o mode=755 tmpfs root/dev
	for device in null zero full random urandom tty; do
		: >"root/dev/$device"
		mount --bind "/dev/$device" "root/dev/$device"
	done
	mkdir root/dev/shm root/dev/pts
	mount -t tmpfs -o mode=1777 tmpfs root/dev/shm
	mount -t devpts -o newinstance,ptmxmode=666 devpts root/dev/pts
	ln -s pts/ptmx root/dev/ptmx
	ln -s /proc/self/fd root/dev/fd
	# What is of a machine with hardware, or would tidy /tmp, where the test is.
	for unit in systemd-sysctl systemd-modules-load systemd-remount-fs systemd-udevd systemd-udev-trigger \
		systemd-tmpfiles-setup systemd-tmpfiles-setup-dev systemd-timesyncd; do
		ln -sf /dev/null "root/etc/systemd/system/$unit.service"
	done
	ln -sf /dev/null root/etc/systemd/system/timers.target
	if [ ! -e booted ]; then
		# Services of this machine are not the test's.
		rm -rf root/etc/systemd/system/multi-user.target.wants
		: >booted
	fi
	ip link set lo up
	mkdir -p root/old-root
	cd root
	pivot_root . old-root
	umount -l /old-root
	exec env -i container=tagtail PATH=/usr/sbin:/usr/bin:/sbin:/bin \
		/lib/systemd/systemd --system --unit="$target" --show-status=no --log-target=journal-or-kmsg
	;;
away)
	mkdir -p "$dir/cgroup"
	mount -t cgroup2 cgroup2 "$dir/cgroup"
	[ -d "$dir/cgroup/$name" ] || exit 0
	tries=0
	until find "$dir/cgroup/$name" -depth -type d -exec rmdir {} + 2>/dev/null; do
		tries=$((tries + 1))
		[ $tries -lt 100 ] || exit 1
		sleep 0.05
	done
	;;
esac
