using System.Collections.Immutable;
using static Mewe.Execution.SessionCommand;
using static Mewe.Execution.Tests.ModuleAssembler;

namespace Mewe.Execution.Tests;

public abstract class SessionTests(EngineUnderTest fixture) : IAsyncLifetime
{
    private IEngineSession session = null!;

    private protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => session = (await fixture.Engine.OpenSessionAsync(Cancellation)).Value;

    public ValueTask DisposeAsync() => session.DisposeAsync();

    public static TheoryData<string, byte[], TrapKind> Traps() => new()
    {
        { "unreachable", [0x00], TrapKind.Unreachable },
        { "division by zero", [.. I32Const(1), .. I32Const(0), 0x6d, 0x1a], TrapKind.IntegerDivideByZero },
        { "remainder by zero", [.. I64Const(1), .. I64Const(0), 0x82, 0x1a], TrapKind.IntegerDivideByZero },
        { "quotient that does not fit", [.. I32Const(int.MinValue), .. I32Const(-1), 0x6d, 0x1a], TrapKind.IntegerOverflow },
        { "load past the end", [.. I32Const(-4), 0x28, 2, 0, 0x1a], TrapKind.OutOfBoundsMemory },
        { "table access past the end", [.. I32Const(2), 0x25, 0, 0x1a], TrapKind.OutOfBoundsTable },
        { "indirect call past the end", [.. I32Const(9), 0x11, 0, 0], TrapKind.OutOfBoundsTable },
        { "indirect call of another type", [.. I32Const(0), 0x11, 1, 0, 0x1a], TrapKind.IndirectCallTypeMismatch },
        { "indirect call of a null entry", [.. I32Const(1), 0x11, 0, 0], TrapKind.IndirectCallTypeMismatch },
        { "null reference", [0xd0, FuncRef, 0xd4, 0x1a], TrapKind.NullReference },
        { "NaN to integer", [0x43, 0, 0, 0xc0, 0x7f, 0xa8, 0x1a], TrapKind.InvalidConversionToInteger },
        { "endless recursion", [0x10, 1], TrapKind.StackExhaustion },
        { "uncaught exception", [0x08, 0], TrapKind.Exception },
        { "failing cast", [.. I32Const(1), 0xfb, 28, 0xfb, 22, 0x6b, 0x1a], TrapKind.CastFailure },
        { "unaligned atomic access", [.. I32Const(1), 0xfe, 0x10, 2, 0, 0x1a], TrapKind.UnalignedAtomic },
    };

    [Theory]
    [MemberData(nameof(Traps))]
    public async Task Each_kind_of_trap_is_told_apart(string what, byte[] body, TrapKind expected)
    {
        var module = new ModuleAssembler();
        module.Function([], [], []); // type 0, function 0: in the table
        module.Type([], [I32]); // type 1: what the indirect call of another type expects
        module.Exported("f", [], [], body); // function 1
        module.Memory(1).Table(2).Element(0, 0).Tag([]);

        var trapped = Assert.IsType<SessionReply.Trapped>(await CallAsync(module.ToArray(), "f"));

        Assert.True(expected == trapped.Trap.Kind, $"{what}: {trapped.Trap}");
    }

    [Theory]
    [InlineData(0x7fa00001u)] // a signalling NaN
    [InlineData(0xffc12345u)]
    [InlineData(0x80000000u)]
    public async Task A_32_bit_float_goes_through_bit_for_bit(uint bits)
    {
        var identity = new ModuleAssembler().Exported("f", [F32], [F32], [0x20, 0]).ToArray();

        Assert.Equal(Returned(WasmValue.F32Bits(bits)), await CallAsync(identity, "f", WasmValue.F32Bits(bits)), Same);
    }

    [Theory]
    [InlineData(0x7ff4000000000001ul)]
    [InlineData(0xfff8123456789abcul)]
    public async Task A_64_bit_float_goes_through_bit_for_bit(ulong bits)
    {
        var identity = new ModuleAssembler().Exported("f", [F64], [F64], [0x20, 0]).ToArray();

        Assert.Equal(Returned(WasmValue.F64Bits(bits)), await CallAsync(identity, "f", WasmValue.F64Bits(bits)), Same);
    }

    [Fact]
    public async Task Vectors_go_in_and_out_beside_numbers_and_references()
    {
        var swap = new ModuleAssembler()
            .Exported("f", [V128, I64, ExternRef, I32], [I32, ExternRef, I64, V128], [0x20, 3, 0x20, 2, 0x20, 1, 0x20, 0]).ToArray();
        var vector = WasmValue.V128(0x7ff4000000000001, 0x8000000000000000);

        Assert.Equal(
            Returned(WasmValue.I32(-5), WasmValue.HostRef(7), WasmValue.I64(long.MinValue), vector),
            await CallAsync(swap, "f", vector, WasmValue.I64(long.MinValue), WasmValue.HostRef(7), WasmValue.I32(-5)),
            Same);
    }

    [Fact]
    public async Task References_are_told_apart_as_far_as_a_host_can()
    {
        var module = new ModuleAssembler();
        var structure = module.RawType(0x5f, 0);
        var array = module.RawType(0x5e, I32, 0);
        var function = module.Function([], [], []);
        byte[] anyResults = [AnyRef, AnyRef, AnyRef, AnyRef, FuncRef, FuncRef, ExternRef, ExnRef];
        module.Exported("f", [AnyRef], anyResults,
            [0x20, 0, .. I32Const(3), 0xfb, 28, 0xfb, 1, .. U(structure), .. I32Const(0), 0xfb, 7, .. U(array), 0xd2, .. U(function), 0xd0, FuncRef, 0xd0, ExternRef, 0xd0, ExnRef]);
        module.Element(0, function).Table(1);

        var returned = Assert.IsType<SessionReply.Returned>(await CallAsync(module.ToArray(), "f", WasmValue.HostRef(42)));

        Assert.Equal(WasmValue.HostRef(42), returned.Values[0]);
        Assert.Equal(
            [
                WasmValueKind.HostRef, WasmValueKind.I31Ref, WasmValueKind.StructRef, WasmValueKind.ArrayRef, WasmValueKind.FuncRef, WasmValueKind.NullRef,
                WasmValueKind.NullRef, WasmValueKind.NullRef,
            ],
            returned.Values.Select(value => value.Kind));
    }

    [Fact]
    public async Task Instances_are_linked_by_registered_name_and_share_their_globals()
    {
        var exporter = new ModuleAssembler();
        exporter.Global(F64, true, [0x44, 1, 0, 0, 0, 0, 0, 0xf4, 0x7f]); // a signalling NaN
        exporter.Export("g", 3, 0);
        var importer = new ModuleAssembler();
        importer.ImportGlobal("shared", "g", F64, true);
        importer.Exported("read", [], [F64], [0x23, 0]);

        var replies = await RunAsync(
            new Compile(0, exporter.ToArray()), new Instantiate(0, 0, []), new Register("shared", new ImportSource.Instance(0)),
            new Compile(1, importer.ToArray()), new Instantiate(1, 1, []), new Invoke(1, "read", []),
            new SetGlobal(0, "g", WasmValue.F64Bits(0xfff8000000000abc)), new Invoke(1, "read", []), new GetGlobal(0, "g"));

        Assert.Equal(Returned(WasmValue.F64Bits(0x7ff4000000000001)), replies[5], Same);
        Assert.Equal(Returned(WasmValue.F64Bits(0xfff8000000000abc)), replies[7], Same);
        Assert.Equal(Returned(WasmValue.F64Bits(0xfff8000000000abc)), replies[8], Same);
    }

    [Fact]
    public async Task Spectest_provides_what_the_specification_says_and_with_exact_types()
    {
        var good = new ModuleAssembler();
        good.ImportFunction("spectest", "print_i32_f32", [I32, F32], []);
        good.ImportGlobal("spectest", "global_f32", F32, false);
        good.ImportMemory("spectest", "memory", 1);
        good.Exported("f", [], [F32, I32], [0x23, 0, 0x3f, 0]);
        var bad = new ModuleAssembler();
        bad.ImportFunction("spectest", "print_i32", [I64], []);

        var replies = await RunAsync(
            new Register("spectest", new ImportSource.Spectest()), new Compile(0, good.ToArray()), new Instantiate(0, 0, []), new Invoke(0, "f", []),
            new Compile(1, bad.ToArray()), new Instantiate(1, 1, []));

        Assert.Equal(Returned(WasmValue.F32(666.6f), WasmValue.I32(1)), replies[3], Same);
        Assert.IsType<SessionReply.Unlinkable>(replies[5]);
    }

    [Fact]
    public async Task Stubs_return_the_values_given_or_zeros()
    {
        var module = new ModuleAssembler();
        module.ImportFunction("host", "fixed", [V128], [F32, V128]);
        module.ImportFunction("host", "zeros", [], [I64, FuncRef]);
        module.Exported("f", [], [F32, V128, I64, FuncRef], [0xfd, 12, .. new byte[16], 0x10, 0, 0x10, 1]);
        var signalling = WasmValue.F32Bits(0x7fa00001);

        var replies = await RunAsync(
            new Compile(0, module.ToArray()),
            new Instantiate(0, 0,
            [
                new ImportBinding("host", "fixed", new ImportSource.Stub([signalling, WasmValue.V128(1, 2)])),
                new ImportBinding("host", null, new ImportSource.Stub([])),
            ]),
            new Invoke(0, "f", []));

        Assert.Equal(Returned(signalling, WasmValue.V128(1, 2), WasmValue.I64(0), WasmValue.Null), replies[2], Same);
    }

    [Fact]
    public async Task Memory_is_read_and_written_from_outside()
    {
        var module = new ModuleAssembler().Memory(1, "m").Data(8, [1, 2, 3]).ToArray();

        var replies = await RunAsync(
            new Compile(0, module), new Instantiate(0, 0, []), new WriteMemory(0, "m", 10, new byte[] { 9, 9 }), new ReadMemory(0, new MemoryRange("m", 7, 6)),
            new WriteMemory(0, "m", 65535, new byte[] { 1, 1 }), new ReadMemory(0, new MemoryRange("n", 0, 1)));

        Assert.Equal(new byte[] { 0, 1, 2, 9, 9, 0 }, Assert.IsType<SessionReply.Data>(replies[3]).Bytes.ToArray());
        Assert.IsType<SessionReply.Unknown>(replies[4]);
        Assert.IsType<SessionReply.Unknown>(replies[5]);
    }

    /// <summary>The first reply leaves the reply's buffer exactly full; the kind byte of the second one was written into the buffer that it replaced.</summary>
    [Fact]
    public async Task A_reply_that_begins_where_the_buffer_ends_keeps_its_first_byte()
    {
        const int pages = 300;
        var module = new ModuleAssembler().Memory(pages, "m").ToArray();

        var replies = await RunAsync(
            new Compile(0, module), new Instantiate(0, 0, []), new ReadMemory(0, new MemoryRange("m", 0, pages * 65536)), new ReadMemory(0, new MemoryRange("m", 0, 1)));

        Assert.Equal(pages * 65536, Assert.IsType<SessionReply.Data>(replies[2]).Bytes.Length);
        Assert.Equal(1, Assert.IsType<SessionReply.Data>(replies[3]).Bytes.Length);
    }

    [Fact]
    public async Task What_goes_wrong_is_a_reply_and_the_rest_of_the_batch_still_runs()
    {
        var trapsAtStart = new ModuleAssembler();
        trapsAtStart.Start(trapsAtStart.Function([], [], [0x00]));
        var dataTooLong = new ModuleAssembler().Memory(1).Data(65535, [1, 2]).ToArray();
        var takesInt = new ModuleAssembler().Exported("f", [I32], [], []).ToArray();
        var takesExn = new ModuleAssembler().Exported("f", [ExnRef], [], []).ToArray();

        var replies = await RunAsync(
            new Compile(0, new byte[] { 0, 1 }), new Instantiate(0, 0, []),
            new Compile(1, trapsAtStart.ToArray()), new Instantiate(1, 1, []),
            new Compile(2, dataTooLong), new Instantiate(2, 2, []),
            new Compile(3, takesInt), new Instantiate(3, 3, []), new Invoke(3, "f", []), new Invoke(3, "f", [WasmValue.I64(1)]), new Invoke(3, "g", []),
            new Compile(4, takesExn), new Instantiate(4, 4, []), new Invoke(4, "f", [WasmValue.HostRef(1)]), new Invoke(4, "f", [WasmValue.Null]));

        Assert.IsType<SessionReply.Invalid>(replies[0]);
        Assert.IsType<SessionReply.Unknown>(replies[1]);
        Assert.Equal(TrapKind.Unreachable, Assert.IsType<SessionReply.Trapped>(replies[3]).Trap.Kind);
        Assert.Equal(TrapKind.OutOfBoundsMemory, Assert.IsType<SessionReply.Trapped>(replies[5]).Trap.Kind);
        Assert.All(replies[8..11], reply => Assert.IsType<SessionReply.Unknown>(reply));
        Assert.IsType<SessionReply.Unsupported>(replies[13]);
        Assert.IsType<SessionReply.Returned>(replies[14]);
    }

    [Fact]
    public async Task A_hang_kills_the_process_and_the_session_goes_on_with_a_fresh_one()
    {
        var endless = new ModuleAssembler().Exported("f", [], [], [0x03, 0x40, 0x0c, 0, 0x0b]).ToArray();
        IReadOnlyList<SessionCommand> commands = [new Compile(0, endless), new Instantiate(0, 0, []), new Invoke(0, "f", [])];

        var hung = await session.RunAsync(commands, TimeSpan.FromMilliseconds(300), Cancellation);
        var after = await RunAsync(new Instantiate(0, 0, []));

        Assert.Equal(EngineFailureKind.Hung, hung.Failure?.Kind);
        Assert.IsType<SessionReply.Unknown>(after[0]); // module 0 is gone
    }

    private static SessionReply Returned(params WasmValue[] values) => new SessionReply.Returned([.. values]);

    private static bool Same(SessionReply expected, SessionReply actual) =>
        expected is SessionReply.Returned left && actual is SessionReply.Returned right && left.Values.SequenceEqual(right.Values);

    private async Task<SessionReply> CallAsync(byte[] module, string export, params WasmValue[] arguments) =>
        (await RunAsync(new Compile(0, module), new Instantiate(0, 0, []), new Invoke(0, export, [.. arguments])))[^1];

    private async Task<ImmutableArray<SessionReply>> RunAsync(params SessionCommand[] commands) => (await session.RunAsync(commands, null, Cancellation)).Value;
}

public sealed class SessionTestsOnV8(V8 engine) : SessionTests(engine);

public sealed class SessionTestsOnWasmtime(InProcess engine) : SessionTests(engine);
