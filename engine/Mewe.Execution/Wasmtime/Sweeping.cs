using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Mewe.Execution.Wasmtime.Native;
using Mewe.Wasm;
using Mewe.Wasm.Binary;
using Slot = Mewe.Execution.Wasmtime.SweepDriver.Slot;

namespace Mewe.Execution.Wasmtime;

/// <summary>One sweep: what <see cref="SweepDriver"/> does not do by itself, which is traps, differences, and originals without an answer. <see cref="SweepRequest"/> says what a harness is and what equal means.</summary>
internal sealed class Sweeping
{
    private const string DigestName = "digest", OutcomeName = "outcome";

    private readonly SweepRequest request;
    private readonly Store store;
    private readonly DriverInstance driver;
    private readonly StoreItem digest, outcome;
    private readonly Tally[] tallies;
    private readonly int digestsAt;

    private Sweeping(SweepRequest request, Store store, Instance harness)
    {
        this.request = request;
        this.store = store;
        driver = new DriverInstance(store, harness);
        harness.TryGetFunction(DigestName, out digest);
        harness.TryGetFunction(OutcomeName, out outcome);
        tallies = new Tally[request.SubjectCount];
        var perSubject = tallies.Length << SweepDriver.SubjectShift;
        digestsAt = (perSubject + Store.PageBytes - 1) / Store.PageBytes * Store.PageBytes;
        driver.Reserve(digestsAt + (request.KeepDigests ? (long)tallies.Length * request.InputCount * sizeof(ulong) : 0));
        driver[Slot.First] = (uint)request.FirstInput;
        driver[Slot.Inputs] = (uint)request.InputCount;
        driver[Slot.Subjects] = (uint)tallies.Length;
        driver[Slot.DigestsAt] = request.KeepDigests ? (uint)digestsAt : 0;
        var words = PerSubject;
        for (var k = 0; k < tallies.Length; k++)
        {
            words[4 * k] = 1;
        }
    }

    // Four words for each subject: active, compared, trapped, nothing.
    private Span<uint> PerSubject => MemoryMarshal.Cast<byte, uint>(driver.Memory.Bytes)[..(4 * tallies.Length)];

    /// <summary>Runs a sweep to its end.</summary>
    /// <exception cref="RejectedException">The harness cannot be run.</exception>
    public static SweepResult Run(SweepRequest request, Store store)
    {
        var compiled = store.Compile(request.Harness, (uint)request.SubjectCount, () => WithDriver(request));
        var harness = Instantiate(store, compiled, request.Library is { } library ? Imports(compiled, Instantiate(store, store.Compile(library.Module), [])) : []);

        foreach (var content in request.Preload)
        {
            var memory = harness.Memory(content.Export) ?? throw new RejectedException($"the harness does not export the memory \"{content.Export}\"");
            var target = memory.At(content.Offset, content.Bytes.Length);
            if (target.Length != content.Bytes.Length)
            {
                throw new RejectedException($"what is to be written does not fit into the memory \"{content.Export}\"");
            }

            content.Bytes.Span.CopyTo(target);
        }

        var sweeping = new Sweeping(request, store, harness);
        sweeping.Run();
        return sweeping.Result(harness);
    }

    private static Instance Instantiate(Store store, CompiledModule module, ReadOnlySpan<Extern> imports) =>
        store.Instantiate(module.Handle, imports, out var trap, out var problem) ?? throw new RejectedException(trap?.Message ?? problem!);

    private static Extern[] Imports(CompiledModule harness, Instance library)
    {
        var imports = new Extern[harness.Parsed.Imports.Count];
        for (var i = 0; i < imports.Length; i++)
        {
            var import = harness.Parsed.Imports[i];
            if (import.Module != SweepLibrary.ImportName || !library.TryGet(import.Name, out imports[i]))
            {
                throw new RejectedException($"the harness imports \"{import.Module}\" \"{import.Name}\", which is not there");
            }
        }

        return imports;
    }

    // The harness with the driver in it, if it is one.
    private static byte[] WithDriver(SweepRequest request)
    {
        var harness = ModuleReader.TryRead(request.Harness, out var error) ?? throw new RejectedException(error!.ToString());
        var exports = new Dictionary<string, uint>(StringComparer.Ordinal);
        foreach (var export in harness.Exports.Where(item => item.Kind == ExternKind.Function))
        {
            exports[export.Name] = export.Index;
        }

        var subjects = new uint[request.SubjectCount];
        for (var k = 0; k < subjects.Length; k++)
        {
            subjects[k] = Require($"subject_{k}", SweepDriver.SubjectType);
        }

        return SweepDriver.WriteInto(harness, subjects, Require(DigestName, SweepDriver.DigestType), Require(OutcomeName, SweepDriver.OutcomeType));

        uint Require(string name, int type)
        {
            if (!exports.TryGetValue(name, out var index))
            {
                throw new RejectedException($"the harness does not export the function \"{name}\"");
            }

            return SweepDriver.Matches(harness, index, type) ? index : throw new RejectedException($"the harness's \"{name}\" has the wrong type");
        }
    }

    private void Run()
    {
        for (; ; )
        {
            var trap = driver.Resume(out var happened);
            if (trap is not null)
            {
                store.Interruption.ThrowIfRequested();
                Trapped(trap.Kind);
            }
            else if (happened == SweepDriver.Done)
            {
                return;
            }
            else if (happened == SweepDriver.OriginalOutOfFuel)
            {
                Undecided();
            }
            else
            {
                Differs(new SweepObservation(driver[Slot.Digest], (int)driver[Slot.Outcome], (TrapKind)driver[Slot.Trap]));
            }
        }
    }

    // The subject at work trapped or threw. The driver goes on behind it.
    private void Trapped(TrapKind trap)
    {
        var number = (int)driver[Slot.Subject];
        PerSubject[(4 * number) + 2]++;
        var observedDigest = Ask(digest, ValueTag.I64);
        var observedOutcome = (int)Ask(outcome, ValueTag.I32);
        if (request.KeepDigests)
        {
            Digests[(number * request.InputCount) + (int)driver[Slot.Index]] = observedDigest;
        }

        var ending = trap == TrapKind.Exception ? SweepDriver.EndedWithException : SweepDriver.EndedWithTrap;
        if (number == 0)
        {
            if (trap == TrapKind.StackExhaustion || observedOutcome == SweepOutcome.FuelExhausted)
            {
                Undecided();
                return;
            }

            driver[Slot.OriginalTrap] = (uint)trap;
            driver[Slot.OriginalEnding] = (uint)ending;
            driver[Slot.OriginalDigest] = observedDigest;
            driver[Slot.OriginalOutcome] = (uint)observedOutcome;
        }
        else if (trap == TrapKind.StackExhaustion)
        {
            tallies[number].Inconclusive++;
            driver[Slot.Subject] = (uint)number + 1;
            return;
        }
        else if (ending != (int)driver[Slot.OriginalEnding] || observedDigest != driver[Slot.OriginalDigest] || observedOutcome != (int)driver[Slot.OriginalOutcome])
        {
            Differs(new SweepObservation(observedDigest, observedOutcome, trap));
            return;
        }

        PerSubject[(4 * number) + 1]++;
        driver[Slot.Subject] = (uint)number + 1;
    }

    // The original has no answer for this input, so nobody else needs to be asked.
    private void Undecided()
    {
        var words = PerSubject;
        for (var k = 0; k < tallies.Length; k++)
        {
            if (words[4 * k] != 0)
            {
                tallies[k].Inconclusive++;
            }
        }

        driver[Slot.Index]++;
        driver[Slot.Subject] = 0;
    }

    private void Differs(SweepObservation observed)
    {
        var number = (int)driver[Slot.Subject];
        tallies[number].Differences++;
        tallies[number].First ??= new SweepDifference(
            unchecked(request.FirstInput + (int)driver[Slot.Index]),
            new SweepObservation(driver[Slot.OriginalDigest], (int)driver[Slot.OriginalOutcome], (TrapKind)driver[Slot.OriginalTrap]),
            observed);
        var words = PerSubject;
        words[(4 * number) + 1]++;
        if (request.StopAtFirstDifference)
        {
            words[4 * number] = 0;
        }

        driver[Slot.Subject] = (uint)number + 1;
    }

    private SweepResult Result(Instance harness)
    {
        var reports = ImmutableArray.CreateBuilder<SubjectReport>(tallies.Length);
        var words = PerSubject;
        for (var k = 0; k < tallies.Length; k++)
        {
            var compared = (int)words[(4 * k) + 1];
            var status = tallies[k].Differences > 0 ? SubjectStatus.Differs : compared > 0 ? SubjectStatus.Agrees : SubjectStatus.NotCompared;
            reports.Add(new SubjectReport(status, compared, tallies[k].Inconclusive, (int)words[(4 * k) + 2], tallies[k].Differences, tallies[k].First));
        }

        return new SweepResult
        {
            Executions = (long)driver[Slot.Executions],
            Subjects = reports.MoveToImmutable(),
            ReadBack = [.. request.ReadBack.Select(range => (ReadOnlyMemory<byte>)(harness.Memory(range.Export)?.At(range.Offset, range.Length).ToArray() ?? []))],
            Digests = request.KeepDigests ? [.. Digests] : [],
        };
    }

    private Span<ulong> Digests => MemoryMarshal.Cast<byte, ulong>(driver.Memory.At(digestsAt, (long)tallies.Length * request.InputCount * sizeof(ulong)));

    private ulong Ask(StoreItem function, ValueTag kind)
    {
        var result = new Value { Kind = kind };
        var trap = store.Call(function, [], new Span<Value>(ref result));
        return trap is null ? result.Low : throw new RejectedException(trap.Message);
    }

    private struct Tally
    {
        public int Inconclusive;
        public int Differences;
        public SweepDifference? First;
    }

    /// <summary>The driver's part of the harness's instance.</summary>
    private sealed unsafe class DriverInstance
    {
        private static readonly string[] SlotNames = [.. Enum.GetValues<Slot>().Select(SweepDriver.NameOf)];

        private readonly Store store;
        private readonly Extern[] slots = new Extern[SlotNames.Length];
        private readonly StoreItem resume;

        public DriverInstance(Store store, Instance harness)
        {
            this.store = store;
            for (var slot = 0; slot < slots.Length; slot++)
            {
                harness.TryGet(SlotNames[slot], out slots[slot]);
            }

            harness.TryGetFunction(SweepDriver.Resume, out resume);
            Memory = harness.Memory(SweepDriver.Memory)!;
        }

        public LinearMemory Memory { get; }

        /// <summary>The driver's state. An i32 has its 32 bits.</summary>
        public ulong this[Slot slot]
        {
            get
            {
                fixed (ulong* global = &slots[(int)slot].First)
                {
                    Api.GetGlobal(store.Context, global, out var value);
                    return value.Kind == ValueTag.I32 ? (uint)value.Low : value.Low;
                }
            }

            set
            {
                fixed (ulong* global = &slots[(int)slot].First)
                {
                    var kind = slot is Slot.OriginalDigest or Slot.Digest ? ValueTag.I64 : ValueTag.I32;
                    Problems.ThrowOnError(Api.SetGlobal(store.Context, global, new Value { Kind = kind, Low = value }));
                }
            }
        }

        public WasmTrap? Resume(out int happened)
        {
            var result = new Value { Kind = ValueTag.I32 };
            var trap = store.Call(resume, [], new Span<Value>(ref result));
            happened = (int)(uint)result.Low;
            return trap;
        }

        public void Reserve(long bytes)
        {
            var missing = bytes - (long)Memory.Size;
            if (missing > 0 && !Memory.TryGrow((ulong)((missing + Store.PageBytes - 1) / Store.PageBytes)))
            {
                throw new RejectedException("the digests that are to be kept do not fit into a memory");
            }
        }
    }
}
