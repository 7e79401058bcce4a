using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Mewe.Execution.Wasmtime.Native;
using Mewe.Wasm;

namespace Mewe.Execution.Wasmtime;

/// <summary>What a program of WASI gets.</summary>
/// <param name="Args">Arguments, the program's name first.</param>
/// <param name="Env">As <c>NAME=value</c>.</param>
/// <param name="Stdin">Standard input.</param>
/// <param name="Seed">Decides everything random.</param>
internal sealed record WasiSetting(ImmutableArray<string> Args, ImmutableArray<string> Env, ReadOnlyMemory<byte> Stdin, ulong Seed);

/// <summary>
/// WASI preview 1, deterministic and without anything of the machine: what a program sees is a function of its arguments, environment, standard input and seed. The same as Node/Worker/wasi.js, whose head says what each
/// function does; a test compares them. The library's own WASI gives out more than that, so it is not used.
/// </summary>
internal sealed class WasiHost
{
    private const uint Success = 0, BadDescriptor = 8, Fault = 21, NoSystemCall = 52, NoSpace = 51, NotSeekable = 70;
    private const ulong ClockStart = 1_600_000_000_000_000_000, ClockStep = 1_000_000, ClockResolution = 1000;
    private const int OutputLimit = 64 << 20;
    private const string Choose = "choose";
    private const uint MostVectors = 1 << 20;

    private static readonly FrozenSet<string> Unsupported = FrozenSet.Create(
        "fd_advise", "fd_allocate", "fd_datasync", "fd_fdstat_set_flags", "fd_fdstat_set_rights", "fd_filestat_set_size", "fd_filestat_set_times", "fd_pread", "fd_pwrite",
        "fd_readdir", "fd_renumber", "fd_sync", "path_create_directory", "path_filestat_get", "path_filestat_set_times", "path_link", "path_open", "path_readlink",
        "path_remove_directory", "path_rename", "path_symlink", "path_unlink_file", "proc_raise", "sock_accept", "sock_recv", "sock_send", "sock_shutdown");

    private static readonly FrozenDictionary<string, Call> Calls = new Dictionary<string, Call>(StringComparer.Ordinal)
    {
        ["args_sizes_get"] = (host, a) => host.ListSizes(host.args, (uint)a[0], (uint)a[1]),
        ["args_get"] = (host, a) => host.WriteList(host.args, (uint)a[0], (uint)a[1]),
        ["environ_sizes_get"] = (host, a) => host.ListSizes(host.env, (uint)a[0], (uint)a[1]),
        ["environ_get"] = (host, a) => host.WriteList(host.env, (uint)a[0], (uint)a[1]),
        ["clock_res_get"] = (host, a) => host.Write64((uint)a[1], ClockResolution),
        ["clock_time_get"] = (host, a) => host.ClockTime((uint)a[2]),
        ["random_get"] = (host, a) => host.Random((uint)a[0], (uint)a[1]),
        ["sched_yield"] = (_, _) => Success,
        ["proc_exit"] = (host, a) => host.Exit((uint)a[0]),
        ["fd_close"] = (_, a) => IsStandard(a[0]) ? Success : BadDescriptor,
        ["fd_seek"] = (_, a) => IsStandard(a[0]) ? NotSeekable : BadDescriptor,
        ["fd_tell"] = (_, a) => IsStandard(a[0]) ? NotSeekable : BadDescriptor,
        ["fd_prestat_get"] = (_, _) => BadDescriptor,
        ["fd_prestat_dir_name"] = (_, _) => BadDescriptor,
        ["fd_fdstat_get"] = (host, a) => host.DescriptorStatus(a[0], (uint)a[1]),
        ["fd_filestat_get"] = (host, a) => host.FileStatus(a[0], (uint)a[1]),
        ["fd_read"] = (host, a) => host.Read((uint)a[0], (uint)a[1], (uint)a[2], (uint)a[3]),
        ["fd_write"] = (host, a) => host.Write((uint)a[0], (uint)a[1], (uint)a[2], (uint)a[3]),
        ["poll_oneoff"] = (host, a) => host.Poll((uint)a[0], (uint)a[1], (uint)a[2], (uint)a[3]),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private readonly Interruption interruption;
    private readonly ImmutableArray<byte[]> args, env;
    private readonly ReadOnlyMemory<byte> stdin;
    private readonly ulong seed;
    private readonly HostFunction chooser;
    private readonly Dictionary<uint, uint> randomRequests = [];
    private readonly List<(long Start, uint Length)> vectors = [];
    private ArrayBufferWriter<byte> stdout = new(), stderr = new();
    private LinearMemory? memory;
    private ulong clock = ClockStart;
    private int read;

    public WasiHost(WasiSetting setting, Interruption interruption)
    {
        this.interruption = interruption;
        args = [.. setting.Args.Select(text => Encoding.UTF8.GetBytes($"{text}\0"))];
        env = [.. setting.Env.Select(text => Encoding.UTF8.GetBytes($"{text}\0"))];
        stdin = setting.Stdin;
        seed = setting.Seed;
        chooser = SeededHost.Chooser(seed);
    }

    private delegate uint Call(WasiHost host, ReadOnlySpan<ulong> arguments);

    /// <summary>Decides everything random.</summary>
    public ulong Seed => seed;

    /// <summary>What the program exited with; null until it does.</summary>
    public uint? ExitCode { get; private set; }

    public ReadOnlyMemory<byte> Stdout => stdout.WrittenMemory;

    public ReadOnlyMemory<byte> Stderr => stderr.WrittenMemory;

    /// <summary>The host reads and writes the memory that the instance exports as "memory".</summary>
    public void Attach(Instance instance) => memory = instance.Memory("memory");

    /// <summary>Lets go of what was written so far, so that a program can be repeated without end.</summary>
    public void ForgetOutput() => (stdout, stderr) = (new(), new());

    /// <summary>The function of a name, for an importer that declares this type; null when this host has none, or none that fits the type.</summary>
    public Extern? Find(Store store, string name, FunctionType type) => FunctionOf(name) is { } function ? HostFunctions.TryMake(store, type, function) : null;

    /// <summary>Whether an import means a function of this host, whatever its type.</summary>
    public static bool Provides(string module, string name) => module == "mewe" ? name == Choose : module == "wasi_snapshot_preview1" && name != Choose && Has(name);

    /// <summary>Whether the host has a function of this name.</summary>
    public static bool Has(string name) => name == Choose || Calls.ContainsKey(name) || Unsupported.Contains(name);

    private HostFunction? FunctionOf(string name)
    {
        if (name == Choose)
        {
            return chooser;
        }

        if (Unsupported.Contains(name))
        {
            return _ => NoSystemCall;
        }

        return Calls.TryGetValue(name, out var call) ? arguments => Guarded(call, arguments) : null;
    }

    private uint Guarded(Call call, ReadOnlySpan<ulong> arguments)
    {
        try
        {
            return call(this, arguments);
        }
        catch (FaultException)
        {
            return Fault;
        }
    }

    private static bool IsStandard(ulong descriptor) => (uint)descriptor <= 2;

    // Some bytes of the memory, all of which must exist.
    private Span<byte> At(long address, long length)
    {
        var all = memory ?? throw new HostTrapException("a WASI function was called and no memory is exported as \"memory\"");
        return length <= (long)all.Size - address ? all.At(address, length) : throw new FaultException();
    }

    private uint Write32(long address, uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(At(address, sizeof(uint)), value);
        return Success;
    }

    private uint Write64(long address, ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(At(address, sizeof(ulong)), value);
        return Success;
    }

    private uint ListSizes(ImmutableArray<byte[]> list, uint countAddress, uint sizeAddress)
    {
        Write32(countAddress, (uint)list.Length);
        return Write32(sizeAddress, (uint)list.Sum(item => item.Length));
    }

    private uint WriteList(ImmutableArray<byte[]> list, uint pointers, uint buffer)
    {
        long at = buffer;
        At(0, 0);
        for (var i = 0; i < list.Length; i++)
        {
            Write32(pointers + (4L * i), (uint)at);
            list[i].CopyTo(At(at, list[i].Length));
            at += list[i].Length;
        }

        return Success;
    }

    private ulong Now()
    {
        clock += ClockStep;
        return clock - ClockStep;
    }

    private uint ClockTime(uint address)
    {
        At(0, 0);
        return Write64(address, Now());
    }

    private uint Random(uint address, uint length)
    {
        const int BlockBytes = SHA256.HashSizeInBytes;
        At(address, length);
        var earlier = randomRequests.GetValueOrDefault(length);
        randomRequests[length] = earlier + 1;
        Span<byte> hash = stackalloc byte[BlockBytes];
        for (long done = 0; done < length; done += BlockBytes)
        {
            if (interruption.Requested)
            {
                throw new HostTrapException("interrupted");
            }

            SeededHost.Bytes("random_get", seed, [length, earlier, (uint)(done / BlockBytes)], hash);
            var count = (int)Math.Min(BlockBytes, length - done);
            hash[..count].CopyTo(At(address + done, count));
        }

        return Success;
    }

    private uint Exit(uint code)
    {
        ExitCode ??= code;
        throw new HostTrapException("the program exited");
    }

    private uint DescriptorStatus(ulong descriptor, uint address)
    {
        if (!IsStandard(descriptor))
        {
            return BadDescriptor;
        }

        Write64(address, 0); // file type unknown (a pipe), no flags
        Write64(address + 8L, ulong.MaxValue); // every right
        return Write64(address + 16L, ulong.MaxValue);
    }

    private uint FileStatus(ulong descriptor, uint address)
    {
        if (!IsStandard(descriptor))
        {
            return BadDescriptor;
        }

        for (var i = 0; i < 8; i++)
        {
            Write64(address + (8L * i), 0);
        }

        return Success;
    }

    // The byte ranges of a list of (address, length) pairs.
    private void ReadVectors(uint address, uint count)
    {
        vectors.Clear();
        if (count > MostVectors)
        {
            throw new FaultException();
        }

        for (var i = 0; i < count; i++)
        {
            var pair = At(address + (8L * i), 8);
            var start = BinaryPrimitives.ReadUInt32LittleEndian(pair);
            var length = BinaryPrimitives.ReadUInt32LittleEndian(pair[4..]);
            At(start, length);
            vectors.Add((start, length));
        }
    }

    private uint Read(uint descriptor, uint list, uint count, uint resultAddress)
    {
        if (descriptor != 0)
        {
            return BadDescriptor;
        }

        At(0, 0);
        ReadVectors(list, count);
        uint total = 0;
        foreach (var (start, length) in vectors)
        {
            var piece = stdin.Span[read..];
            piece = piece[..(int)Math.Min((uint)piece.Length, length)];
            piece.CopyTo(At(start, piece.Length));
            read += piece.Length;
            total += (uint)piece.Length;
            if (piece.Length < length)
            {
                break;
            }
        }

        return Write32(resultAddress, total);
    }

    private uint Write(uint descriptor, uint list, uint count, uint resultAddress)
    {
        if (descriptor is not (1 or 2))
        {
            return BadDescriptor;
        }

        var output = descriptor == 1 ? stdout : stderr;
        At(0, 0);
        ReadVectors(list, count);
        var total = vectors.Sum(vector => (long)vector.Length);
        if (output.WrittenCount + total > OutputLimit)
        {
            return NoSpace;
        }

        Write32(resultAddress, (uint)total);
        foreach (var (start, length) in vectors)
        {
            output.Write(At(start, length));
        }

        return Success;
    }

    private uint Poll(uint subscriptions, uint events, uint count, uint resultAddress)
    {
        At(0, 0);
        Now();
        for (long i = 0; i < count; i++)
        {
            var from = subscriptions + (48 * i);
            var to = events + (32 * i);
            var user = BinaryPrimitives.ReadUInt64LittleEndian(At(from, 8));
            var type = At(from + 8, 1)[0];
            memory!.At(to, 32).Clear();
            Write64(to, user);
            At(to + 10, 1)[0] = type;
            if (type != 0)
            {
                Write64(to + 16, 1);
            }
        }

        return Write32(resultAddress, count);
    }

    /// <summary>An address outside of the memory.</summary>
    private sealed class FaultException : Exception;
}
