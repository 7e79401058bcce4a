using Mewe.Wasm.Binary;
using Mewe.Wasm.Tests.Shared;
using Mewe.Wasm.Validation;

namespace Mewe.Wasm.Tests.Fuzzing;

/// <summary>Whatever the bytes are, reading and validating ends in a module or a <see cref="WasmError"/>, and costs no more than its size warrants.</summary>
public sealed class HostileInputTests(ITestOutputHelper output)
{
    private static readonly byte[] Header = [0, 0x61, 0x73, 0x6D, 1, 0, 0, 0];

    [Fact]
    public void Mutated_random_modules_give_a_module_or_an_error() =>
        Fuzz([.. Enumerable.Range(0, 300).Select(seed => ModuleWriter.Write(RandomModules.Make(seed)))], rounds: 20);

    [Fact]
    public void Mutated_corpus_modules_give_a_module_or_an_error() =>
        Fuzz([.. Corpus.Modules("a fuzz run over mutated corpus modules").Select(module => module.Bytes).Where(bytes => bytes.Length < 40_000)], rounds: 40);

    [Fact]
    public void Mutated_modules_of_the_suite_give_a_module_or_an_error() =>
        Fuzz([.. SpecSuite.InScope("a fuzz run over mutated suite modules").Where(module => module.Type == "module").Select(module => module.Bytes)], rounds: 4);

    [Fact]
    public void Every_truncation_of_a_module_is_rejected_or_read_whole()
    {
        var bytes = ModuleWriter.Write(RandomModules.Make(11));
        for (var length = 0; length < bytes.Length; length++)
        {
            ReadAndValidate(bytes.AsMemory(0, length));
        }
    }

    [Fact]
    public void Blocks_nested_up_to_the_limit_validate_and_beyond_it_exceed_it()
    {
        Assert.Null(ReadAndValidate(Nested(Limits.MaxNestingDepth)));
        var error = ReadAndValidate(Nested(Limits.MaxNestingDepth + 1));
        Assert.Equal(WasmErrorKind.LimitExceeded, error?.Kind);
        Assert.True(error!.Offset > Limits.MaxNestingDepth);
        Assert.Equal(WasmErrorKind.LimitExceeded, ReadAndValidate(Nested(3_000_000))?.Kind);
    }

    [Fact]
    public void A_body_beyond_the_limit_exceeds_it()
    {
        var body = new byte[Limits.MaxBodyBytes + 2];
        body.AsSpan(1).Fill((byte)Opcode.Nop);
        body[^1] = (byte)Opcode.End;
        Assert.Equal(WasmErrorKind.LimitExceeded, ReadAndValidate(Function(body))?.Kind);
    }

    [Fact]
    public void Validation_keeps_nothing_of_the_instructions_it_has_seen()
    {
        var body = new byte[1_000_000];
        body.AsSpan(1).Fill((byte)Opcode.Nop);
        body[^1] = (byte)Opcode.End;
        var module = ModuleReader.Read(Function(body));
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Null(ModuleValidator.Validate(module, TestContext.Current.CancellationToken));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 200_000);
    }

    [Theory]
    [InlineData("0180808080 10", "a section size beyond 32 bits")]
    [InlineData("01FFFFFFFF 0F", "a section beyond the end")]
    [InlineData("0105FFFFFFFF0F", "four billion types")]
    [InlineData("0205FFFFFFFF0F", "four billion imports")]
    [InlineData("0305FFFFFFFF0F", "four billion functions")]
    [InlineData("0605FFFFFFFF0F", "four billion globals")]
    [InlineData("0905FFFFFFFF0F", "four billion element segments")]
    [InlineData("0A05FFFFFFFF0F", "four billion bodies")]
    [InlineData("0B05FFFFFFFF0F", "four billion data segments")]
    [InlineData("0006FFFFFFFF0F61", "a custom section with a name of four gigabytes")]
    [InlineData("01060160FFFFFFFF0F", "four billion parameters")]
    [InlineData("0106014EFFFFFFFF0F", "a recursion group of four billion types")]
    [InlineData("010D0160000003020100 0A0B0109FFFFFFFF0F7F0B", "four billion locals")]
    public void A_count_that_the_bytes_cannot_hold_is_refused_at_once(string section, string what)
    {
        var error = ReadAndValidate((byte[])[.. Header, .. Convert.FromHexString(section.Replace(" ", ""))]);
        Assert.True(error?.Kind is WasmErrorKind.Malformed or WasmErrorKind.LimitExceeded, what);
        Assert.InRange(error!.Offset, 8, 40);
    }

    [Fact]
    public void A_type_hierarchy_deeper_than_the_limit_exceeds_it()
    {
        Assert.Null(ReadAndValidate(Hierarchy(Limits.MaxSubtypingDepth)));
        Assert.Equal(WasmErrorKind.LimitExceeded, ReadAndValidate(Hierarchy(Limits.MaxSubtypingDepth + 1))?.Kind);

        static byte[] Hierarchy(int depth)
        {
            var module = new WasmModule();
            for (var i = 0; i <= depth; i++)
            {
                module.TypeGroups.Add(new RecursionGroup([new SubType(false, i == 0 ? [] : [(uint)i - 1], new StructType([]))]));
            }

            return ModuleWriter.Write(module);
        }
    }

    [Fact]
    public void Validation_stops_when_it_is_cancelled()
    {
        var body = new byte[100_000];
        body.AsSpan(1).Fill((byte)Opcode.Nop);
        body[^1] = (byte)Opcode.End;
        var module = ModuleReader.Read(Function(body));
        using var source = new CancellationTokenSource();
        source.Cancel();
        Assert.Throws<OperationCanceledException>(() => ModuleValidator.Validate(module, source.Token));
    }

    private void Fuzz(IReadOnlyList<byte[]> seeds, int rounds)
    {
        var random = new Random(20260616 + Mutation.Factor);
        var (accepted, total) = (0, 0);
        foreach (var seed in seeds)
        {
            for (var round = 0; round < rounds * Mutation.Factor; round++)
            {
                total++;
                accepted += ReadAndValidate(Mutation.Apply(seed, random)) is null ? 1 : 0;
            }
        }

        output.WriteLine($"mutated modules: {total}, still valid: {accepted}");
        Assert.InRange(accepted, 0, total);
    }

    /// <summary>Everything that looks at a module from outside: read, validate, find features, write. Anything but a <see cref="WasmError"/> fails the test.</summary>
    private static WasmError? ReadAndValidate(ReadOnlyMemory<byte> bytes)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var module = ModuleReader.TryRead(bytes, out var error);
        if (module is not null)
        {
            error = ModuleValidator.Validate(module, TestContext.Current.CancellationToken);
            if (error is null)
            {
                ModuleFeatures.Of(module);
            }

            Assert.True(ModuleWriter.Write(module).AsSpan().SequenceEqual(bytes.Span));
        }

        if (error is not null)
        {
            Assert.InRange(error.Offset, 0, bytes.Length);
        }

        // Generous: 48 bytes for an instruction of one byte, lists that double, and a fixed share for the pools.
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(allocated < 8_000_000 + (400L * bytes.Length), $"{allocated} bytes for a module of {bytes.Length}");
        return error;
    }

    private static byte[] Nested(int depth)
    {
        var body = new byte[1 + (depth * 3) + 1];
        for (var i = 0; i < depth; i++)
        {
            body[1 + (i * 2)] = (byte)Opcode.Block;
            body[2 + (i * 2)] = 0x40;
        }

        body.AsSpan(1 + (depth * 2)).Fill((byte)Opcode.End);
        return Function(body.Length > Limits.MaxBodyBytes ? body[..Limits.MaxBodyBytes] : body);
    }

    /// <summary>A module of one function that takes and gives nothing.</summary>
    private static byte[] Function(byte[] body)
    {
        var section = new BinaryEncoder();
        section.Byte(1);
        section.U32((uint)body.Length);
        section.Bytes(body);
        var module = new BinaryEncoder();
        module.Bytes([.. Header, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 10]);
        module.U32((uint)section.Length);
        module.Bytes(section.Written);
        return module.ToArray();
    }
}
