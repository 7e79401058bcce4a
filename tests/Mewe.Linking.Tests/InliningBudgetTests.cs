using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Linking.Tests;

/// <summary>Empty functions keep the share of short ones, by which V8 says how much it inlines.</summary>
public sealed class InliningBudgetTests
{
    private const int ShortBody = 50;

    private static WasmModule Program(int shortFunctions, int longFunctions)
    {
        var module = new ModuleBuilder();
        for (var i = 0; i < shortFunctions; i++)
        {
            module.Constant(i, $"short{i}");
        }

        for (var i = 0; i < longFunctions; i++)
        {
            module.Function([], [ValueType.I32], code => Enumerable.Range(0, ShortBody).Aggregate(code, (so, _) => so.Op(Opcode.Nop)).I32(1), $"long{i}");
        }

        return module.Read();
    }

    private static LinkResult Link(WasmModule module, DispatchPolicy policy) => MultivariantLinker.Link(module,
        [.. Variants.PaddedAll(module, 8).Where(function => module.Bodies[(int)function.Function].Content.Length > ShortBody)], new LinkOptions { Policy = policy });

    private static double ShareOfShort(IReadOnlyList<FunctionBody> bodies) => (double)bodies.Count(body => body.Content.Length < ShortBody) / bodies.Count;

    [Theory]
    [InlineData(9, 11, 0.45)]
    [InlineData(8, 16, 1.0 / 3)]
    [InlineData(30, 5, 0.5)] // V8 gives no more from a half on
    public void The_linked_module_has_the_original_s_share_of_short_functions(int shortFunctions, int longFunctions, double share)
    {
        var module = Program(shortFunctions, longFunctions);
        var linked = Link(module, DispatchPolicy.Auto);
        var read = ModuleReader.Read(linked.Module);
        var empty = (int)linked.Map.EmptyFunctions;

        Assert.True(empty > 0);
        Assert.True(ShareOfShort([.. read.Bodies]) >= share);
        Assert.True(ShareOfShort([.. read.Bodies.SkipLast(1)]) < share, "one less would do");
        Assert.All(read.Bodies.TakeLast(empty), body => Assert.Equal([0, 0x0b], body.Content.ToArray()));
        Assert.Empty(StructureCheck.Compare(module, read));
        Assert.Equal(linked.Map.EmptyFunctions, MeweSection.TryRead(read, out _)!.Map.EmptyFunctions);
    }

    [Theory]
    [InlineData(5, 15, DispatchPolicy.Auto)] // a quarter: V8 gives the least to the original, too
    [InlineData(0, 4, DispatchPolicy.Auto)]
    [InlineData(9, 11, DispatchPolicy.Call)]
    [InlineData(9, 11, DispatchPolicy.Forced)]
    public void No_function_is_added_where_it_would_not_matter(int shortFunctions, int longFunctions, DispatchPolicy policy) =>
        Assert.Equal(0u, Link(Program(shortFunctions, longFunctions), policy).Map.EmptyFunctions);

    [Fact]
    public void A_module_without_variants_stays_as_it_is()
    {
        var module = Program(9, 11);
        var linked = MultivariantLinker.Link(module, [new FunctionVariants(0, []) { Reason = "none" }], new LinkOptions { Policy = DispatchPolicy.Auto });

        Assert.Equal(module.Bodies.Count, ModuleReader.Read(linked.Module).Bodies.Count);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    [InlineData(int.MaxValue)]
    public void Another_number_than_there_are_is_reported(int more)
    {
        var module = Program(9, 11);
        var read = ModuleReader.Read(Link(module, DispatchPolicy.Auto).Module);
        var section = MeweSection.TryRead(read, out _)!;
        read.SetCustom(MeweSection.Name, (section with { Map = section.Map with { EmptyFunctions = (uint)(section.Map.EmptyFunctions + more) } }).Write());

        Assert.NotEmpty(StructureCheck.Compare(module, ModuleReader.Read(ModuleWriter.Write(read))));
    }

    [Fact]
    public void One_that_is_not_empty_is_reported()
    {
        var module = Program(9, 11);
        var read = ModuleReader.Read(Link(module, DispatchPolicy.Auto).Module);
        read.Bodies[^1] = new FunctionBody(new FunctionCode([], [Instruction.Of(Opcode.Unreachable), Instruction.Of(Opcode.End)]));

        Assert.Contains("it is not an empty function", string.Join('\n', StructureCheck.Compare(module, ModuleReader.Read(ModuleWriter.Write(read)))), StringComparison.Ordinal);
    }
}
