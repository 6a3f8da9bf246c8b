// Recipes are read strictly, and the chain that follows from one is what a person would type.

import Documents
import Testing
import Workbench

struct RecipeTests {
    private func recipe(_ text: String) throws -> Recipe {
        try Recipe(JSONValue(parsing: Array(text.utf8)), folder: "/recipes")
    }

    @Test func pathsAreRelativeToTheRecipe() throws {
        let recipe = try recipe(
            #"{"format": 1, "name": "a", "checkpoint": "model", "verify": {"data": "/x/y.jsonl", "tokens": 12}}"#
        )
        #expect(recipe.checkpoint == "/recipes/model")
        #expect(recipe.value("verify", "data") == "/x/y.jsonl")
        #expect(recipe.value("verify", "tokens") == "12")
    }
}
